import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../config/config.ts";
import type { FunctionReport } from "../serve/operator.ts";
import type { Call } from "./command.ts";
import { greet } from "./greeting.ts";

test("a folder that vanished since the start is greeted from what is known of it", async () => {
  let shown = "";
  const write = (text: string): void => {
    shown += text;
  };
  const call = { flag: () => undefined, io: { stdout: { write }, env: {} } } as unknown as Call;
  const config = { source: { kind: "folder", path: "/nowhere/functions" }, dataDir: "/nowhere", workerCount: 1 } as unknown as Config;
  const report = { id: "hello", route: "/hello", engine: "javascript", methods: null, failure: null } as unknown as FunctionReport;
  await greet(call, config, { host: "127.0.0.1", port: 1, url: "http://127.0.0.1:1", adminUrl: null }, [report]);
  assert.match(shown, /serves 1 function on http:\/\/127\.0\.0\.1:1/);
});
