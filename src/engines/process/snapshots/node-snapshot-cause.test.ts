import assert from "node:assert/strict";
import { test } from "node:test";
import { causeIn } from "./node-snapshot-cause.ts";

test("an exception is told before everything else", () => {
  const lines = [
    "loading",
    "(node:7) Warning: It's not yet fully verified",
    "/srv/f.cjs:1",
    "throw new TypeError()",
    "^",
    "",
    "TypeError: no table",
    "    at f",
  ];
  assert.equal(causeIn(lines), "TypeError: no table");
  assert.equal(causeIn(["pilotlight: PILOTLIGHT_SOCKET is not set"]), "pilotlight: PILOTLIGHT_SOCKET is not set");
});

test("an object that V8 can't write is named after its owner", () => {
  const lines = [
    "global handle not serialized: 0x7: [[api object] 0]",
    " - map: 0x1",
    "  0x2 <Symbol: owner_symbol>: 0x3 <Server map = 0x4> (data field 1)",
  ];
  assert.match(causeIn(lines)!, /^a Server is there before serve\(\) is called/);
  assert.match(causeIn(lines.slice(0, 2))!, /^an object of Node's own is there/);
});

test("words that nobody knows are shown as they are, and frames and warnings are not", () => {
  const lines = [
    "",
    "#",
    "# Fatal error in , line 0",
    "(node:7) Warning: x",
    "3: 0x142fb05  [node]",
    "unknown external reference 0x7",
    "more",
  ];
  assert.equal(causeIn(lines), "unknown external reference 0x7");
  assert.equal(causeIn(["----- Native stack trace -----", " 1: 0xf  [node]"]), null);
  assert.equal(causeIn([]), null);
});
