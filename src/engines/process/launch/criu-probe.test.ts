import assert from "node:assert/strict";
import { test } from "node:test";
import { complaintIn, isTooOld, versionIn } from "./criu-probe.ts";

test("a version is read where it stands, and below 4.2 is too old", () => {
  assert.equal(versionIn("Version: 4.2.1\nGitID: v4.2.1\n"), "4.2.1");
  assert.equal(versionIn("Version: 3.17.1\n"), "3.17.1");
  assert.equal(versionIn("criu: command not found"), null);
  for (const [version, tooOld] of [
    ["3.17.1", true],
    ["4.1.1", true],
    ["4.2", false],
    ["4.10", false],
    ["5.0", false],
  ] as const) {
    assert.equal(isTooOld(version), tooOld, version);
  }
});

test("of what CRIU complains, the first is the cause", () => {
  const log = `(00.001) Warn  (criu/log.c:1): something
(00.002) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted
(00.090) Error (criu/sk-unix.c:853): unix: External socket is used. Consider using --ext-unix-sk option.
(00.091) Error (criu/cr-dump.c:1975): Dumping FAILED.
`;
  assert.equal(complaintIn(log), "unix: External socket is used. Consider using --ext-unix-sk option");
  assert.equal(complaintIn("(00.001) Warn  (criu/log.c:1): something\n"), null);
});
