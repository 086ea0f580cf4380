import assert from "node:assert/strict";
import test from "node:test";
import type { ProjectFile } from "./project-page.ts";
import { versionsOf } from "./versions.ts";

function filesNamed(...names: string[]): ProjectFile[] {
  return names.map((filename) => ({ filename }) as ProjectFile);
}

test("files tell each version once, in their order", () => {
  const files = filesNamed("foo-1.0.tar.gz", "foo-1.0-py3-none-any.whl", "foo-0.9.zip", "readme.txt", "foo-1.0-rc1.tar.gz");
  assert.deepEqual(versionsOf(files, "foo"), ["1.0", "0.9", "1.0-rc1"]);
});

test("the index's spelling is kept where it is known", () => {
  const files = filesNamed("foo-1.0+a_b-py3-none-any.whl", "foo-2.0RC1.tar.gz", "foo-3.0.tar.gz");
  assert.deepEqual(versionsOf(files, "foo", ["1.0+A-b", "2.0rc1", "9"]), ["1.0+A-b", "2.0rc1", "3.0"]);
});

test("a post release is not a patch release", () => {
  const files = filesNamed("foo-1.0.1.tar.gz", "foo-1.0-1.tar.gz", "foo-1.0_1-py3-none-any.whl");
  assert.deepEqual(versionsOf(files, "foo", ["1.0.1"]), ["1.0.1", "1.0-1"]);
});
