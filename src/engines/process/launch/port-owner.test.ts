import assert from "node:assert/strict";
import { test } from "node:test";
import { listenersIn } from "./port-owner.ts";

test("listeners of a port are found among all sockets, of both families, and nothing else", () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0
   2: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 333 1 0
   3: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 444 1 0`;
  assert.deepEqual(listenersIn(table, 8_080), ["111", "444"]);
  assert.deepEqual(listenersIn(table, 80), []);
});
