import assert from "node:assert/strict";
import { test } from "node:test";
import { folderUrl, isFolderUrl, parseFolderUrl } from "./folder-url.ts";

test("a path comes back as it was, whatever stands in it", () => {
  for (const path of ["/packages/a-1.0.zip", "/with space/ü#?%20/a-1.0.zip", "/"]) {
    const url = folderUrl({ path, stamp: "1:2:3.5:4" });
    assert.ok(isFolderUrl(url));
    assert.deepEqual(parseFolderUrl(url), { path, stamp: "1:2:3.5:4" });
  }
  assert.equal(isFolderUrl("https://index.example/a-1.0.zip"), false);
});
