/** The process that makes the list of projects, on a machine that can't start one. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import type { ListJob } from "../src/mirror/pages/list-job.ts";

const JOB: ListJob = {
  file: "/nowhere/pages.sqlite",
  maxBytes: 1_000,
  sources: [],
  ownNames: [],
  body: "json",
  coding: "identity",
  nowMs: 0,
};

/** Runs in a process that has used up its open files, and tells what becomes of the job. */
const WITHOUT_FILES = `
  import { openSync } from "node:fs";
  import { startListProcess } from ${JSON.stringify(new URL("../src/mirror/pages/list-process.ts", import.meta.url).href)};
  const { programFile } = await import(${JSON.stringify(new URL("../src/base/package-files.ts", import.meta.url).href)});
  programFile("mirror/pages/list-main");
  try {
    for (;;) openSync("/dev/null");
  } catch (error) {
    if (error.code !== "EMFILE") throw error;
  }
  const run = startListProcess(${JSON.stringify(JOB)});
  const result = await run.result;
  run.end();
  process.exitCode = !result.ok && /could not be started: .*EMFILE/.test(result.failure.message) ? 42 : 1;
`;

test("a list process that can't be started for want of open files fails its job, not the mirror", () => {
  const script = `ulimit -n 64 && exec "$0" "$@"`;
  const { status, stderr } = spawnSync("sh", ["-c", script, process.execPath, "--input-type=module", "--eval", WITHOUT_FILES], {
    encoding: "utf8",
    timeout: 20_000,
  });
  assert.equal(status, 42, stderr);
});
