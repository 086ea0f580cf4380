import assert from "node:assert/strict";
import { test } from "node:test";
import { MIRROR_STOPPING, SERVER_STOPPING } from "../store/store-fault.ts";
import { explainFailure } from "./failures.ts";

test("a client of a mirror that stops is told so, whichever part of it refused", () => {
  for (const fault of [MIRROR_STOPPING, SERVER_STOPPING]) {
    assert.deepEqual(explainFailure(fault), { status: 503, message: "The mirror is stopping", hint: "Try again shortly" });
  }
});

test("what the store says of its files is not for clients", () => {
  const message = "Cannot write /var/cache/pages.sqlite: the disk reports an error";
  for (const code of ["BUSY", "STORAGE_FULL", "STORAGE_FAILED"] as const) {
    const told = explainFailure({ code, message });
    assert.doesNotMatch(JSON.stringify(told), /sqlite/);
    assert.equal(told.status, code === "BUSY" ? 503 : 500);
  }
});

test("of what lies beside a file it is told what is missing", () => {
  const told = (filename: string) => explainFailure({ code: "NO_SUCH_FILE", project: "demo", filename }).message;
  assert.equal(told("demo-1.0.zip"), 'The project "demo" has no file "demo-1.0.zip"');
  assert.match(told("demo-1.0.zip.asc"), /has no signature "demo-1\.0\.zip\.asc": .* no signature of it/);
  assert.match(told("demo-1.0.whl.metadata"), /has no metadata /);
});
