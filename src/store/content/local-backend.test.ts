import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { link } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { sha256 } from "../../base/sha256.ts";
import { filePlace } from "./content-places.ts";
import { type Link, LocalBackend } from "./local-backend.ts";

const root = mkdtempSync(join(tmpdir(), "pilotlight-local-backend-"));
after(() => rmSync(root, { recursive: true, force: true }));

function refusal(code: string): Error {
  return Object.assign(new Error(code), { code, syscall: "link" });
}

/** As such file systems do it, which look for the folder first. */
function withoutLinks(code: string): Link {
  return async (_existing, path) => {
    throw refusal(existsSync(dirname(path)) ? code : "ENOENT");
  };
}

async function adopted(link: Link): Promise<{ outcome: unknown; path: string }> {
  const dir = mkdtempSync(join(root, "store-"));
  const partialPath = join(dir, "partial");
  writeFileSync(partialPath, "content");
  const hash = sha256("content");
  const place = filePlace(hash);
  const outcome = await new LocalBackend(dir, link).adopt({ sha256: hash, sizeBytes: 7, place }, partialPath);
  return { outcome, path: join(dir, place) };
}

for (const code of ["EPERM", "ENOTSUP", "ENOSYS"]) {
  test(`the first file of a folder is kept where links are refused with ${code}, whenever that is looked at`, async () => {
    const always: Link = async () => {
      throw refusal(code);
    };
    for (const link of [withoutLinks(code), always]) {
      const { outcome, path } = await adopted(link);
      assert.deepEqual(outcome, { ok: true, value: true });
      assert.equal(readFileSync(path, "utf8"), "content");
    }
  });
}

test("what somebody puts there while its folder is made is left alone", async () => {
  const { outcome, path } = await adopted(async (existing, path) => {
    // The folder is there only with the second attempt: then so is somebody's file.
    if (existsSync(dirname(path))) writeFileSync(path, "theirs");
    await link(existing, path);
  });
  assert.deepEqual(outcome, { ok: true, value: false });
  assert.equal(readFileSync(path, "utf8"), "theirs");
});

test("a partial file that is gone is a failure, not an attempt without end", async () => {
  const { outcome } = await adopted(async () => {
    throw refusal("ENOENT");
  });
  assert.ok(outcome !== null && typeof outcome === "object" && "ok" in outcome && outcome.ok === false);
});
