import assert from "node:assert/strict";
import test from "node:test";
import { pageOf } from "../../../test/support/mirror-memory.ts";
import { sha256 } from "../../base/sha256.ts";
import type { LockedFile, Requirement } from "../lockfile/lock-file.ts";
import { type Selection, selectFiles } from "./select-files.ts";

const PAGE = pageOf("demo", [
  { filename: "demo-1.0-py3-none-any.whl", content: "wheel" },
  { filename: "demo-1.0+cpu-py3-none-any.whl", content: "cpu" },
  { filename: "demo-1.0.tar.gz", content: "sdist" },
  { filename: "demo-1.0.exe", content: "installer" },
  { filename: "demo-1.1-py3-none-any.whl", content: "newer" },
  { filename: "demo-0.9.tar.gz", content: "older" },
]);

function select(version: string | null, files: readonly LockedFile[] = []): Selection {
  const requirement: Requirement = { project: "demo", specifier: null, version, files, isFromIndex: true, note: null };
  return selectFiles([requirement], PAGE);
}

function names({ files }: Selection): string[] {
  return files.map(({ file }) => file.filename);
}

function locked(filename: string | null, content: string, sizeBytes: number | null = null): LockedFile {
  return { filename, hashes: { sha256: sha256(content) }, sizeBytes };
}

test("a pinned version wants all its wheels and sdists", () => {
  assert.deepEqual(names(select("1.0")), ["demo-1.0-py3-none-any.whl", "demo-1.0+cpu-py3-none-any.whl", "demo-1.0.tar.gz"]);
  assert.deepEqual(names(select("1.0.0+CPU")), ["demo-1.0+cpu-py3-none-any.whl"]);
});

test("hashes narrow a version to the files that have them", () => {
  const selection = select("1.0", [locked(null, "sdist"), locked(null, "gone by now")]);
  assert.deepEqual(names(selection), ["demo-1.0.tar.gz"]);
  assert.deepEqual(selection.files[0]!.lockedHashes, { sha256: sha256("sdist") });
  assert.deepEqual(selection.problems, []);
  assert.match(select("1.0", [locked(null, "gone")]).problems[0]!, /no file of it with a hash of the lock/);
});

test("a lock that names files wants those and no others", () => {
  assert.deepEqual(names(select("1.0", [locked("demo-1.0.tar.gz", "sdist", 5), locked("demo-1.0-py3-none-any.whl", "wheel")])), [
    "demo-1.0.tar.gz",
    "demo-1.0-py3-none-any.whl",
  ]);
});

test("what the page doesn't have, or has otherwise, is a problem", () => {
  assert.match(select("1.0", [locked("demo-1.0-cp39-none-any.whl", "x")]).problems[0]!, /doesn't list demo-1.0-cp39/);
  assert.match(select("1.0", [locked("demo-1.0.tar.gz", "evil")]).problems[0]!, /wants other bytes/);
  assert.match(select("1.0", [locked("demo-1.0.tar.gz", "sdist", 6)]).problems[0]!, /with 6 bytes, the index offers 5/);
  assert.match(select("7.0").problems[0]!, /^demo 7.0: the index lists no file of it$/);
  assert.match(select(null).problems[0]!, /not pinned/);
});

test("a version without a wheel is warned of", () => {
  assert.match(select("0.9").warnings[0]!, /^demo 0.9 has no wheel/);
  assert.deepEqual(select("1.1").warnings, []);
});

test("two requirements of one project select each file once", () => {
  const requirement = (version: string): Requirement => ({
    project: "demo",
    specifier: null,
    version,
    files: [],
    isFromIndex: true,
    note: null,
  });
  assert.equal(names(selectFiles([requirement("1.1"), requirement("1.1"), requirement("0.9")], PAGE)).length, 2);
});
