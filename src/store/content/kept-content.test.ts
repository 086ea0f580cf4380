import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { bytesOf, eventually, put, someBytes } from "../../../test/support/content.ts";
import { fail, type Result } from "../../base/result.ts";
import type { StoreFault } from "../store-fault.ts";
import { Catalogue } from "./catalogue.ts";
import { faultOf } from "./content-fault.ts";
import type { ContentReader, PlacedContent } from "./content-store.ts";
import { KeptContent } from "./kept-content.ts";
import { LocalBackend } from "./local-backend.ts";
import { RECHECK_PACE, type RecheckPace } from "./rechecker.ts";

const root = mkdtempSync(join(tmpdir(), "pilotlight-kept-content-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** Its files can't be opened while there is a code. */
class RefusingBackend extends LocalBackend {
  code: string | null = null;
  refused: string | null = null;

  override open(content: PlacedContent): Promise<Result<ContentReader | null, StoreFault>> {
    const { code } = this;
    if (code === null || (this.refused !== null && content.sha256 !== this.refused)) return super.open(content);
    return Promise.resolve(fail(faultOf("Cannot open", Object.assign(new Error(code), { code, syscall: "open" }))));
  }
}

function openOn(pace: RecheckPace, nowMs: () => number) {
  const dir = mkdtempSync(join(root, "store-"));
  mkdirSync(join(dir, "partial"));
  mkdirSync(join(dir, "files"));
  const backend = new RefusingBackend(dir);
  const catalogue = new Catalogue({ dir, name: "", maxBytes: 1_000_000, nowMs, onTrouble: () => {} });
  const told: string[] = [];
  const store = new KeptContent({
    dir,
    catalogue,
    backend,
    maxBytes: 1_000_000,
    pace,
    nowMs,
    log: (level, message) => told.push(`${level}: ${message}`),
    closeGraceMs: 1_000,
    onClosed: () => {},
  });
  return { store, backend, told };
}

for (const code of ["EMFILE", "ENFILE", "ENOMEM", "EACCES", "EPERM", "ESTALE", "ETIMEDOUT"]) {
  test(`good content that can't be opened for ${code} is no rot`, async () => {
    const { store, backend, told } = openOn(RECHECK_PACE, Date.now);
    const bytes = someBytes(1_000);
    const hash = await put(store, bytes);
    backend.code = code;
    store.suspect(hash);
    await eventually("it is told", () => told.includes("warn: Cannot read content to verify it"));
    backend.code = null;
    assert.deepEqual(await bytesOf(store, hash), bytes);
    assert.equal(store.totals.quarantinedCount, 0);
    await store.close();
  });
}

test("content that the disk can't give back has rotted", async () => {
  const { store, backend } = openOn(RECHECK_PACE, Date.now);
  const hash = await put(store, someBytes(1_000));
  backend.code = "EIO";
  store.suspect(hash);
  await eventually("it is concluded", () => store.totals.quarantinedCount === 1);
  backend.code = null;
  assert.equal(await bytesOf(store, hash), null);
  await store.close();
});

test("one file that nobody may read doesn't keep the others from being verified", async () => {
  const state = { nowMs: 1_000_000 };
  const pace = { bytesPerSecond: 2 ** 30, everyMs: 1_000, startAfterMs: 0, idleMs: 5 };
  const { store, backend, told } = openOn(pace, () => state.nowMs);
  backend.refused = await put(store, someBytes(10));
  backend.code = "EACCES";
  state.nowMs += 10;
  for (let count = 0; count < 3; count++) await put(store, someBytes(10));
  state.nowMs += 2_000;
  const warnings = () => told.filter((line) => line.startsWith("warn")).length;
  await eventually("the others are verified", () => store.totals.rehashedCount - warnings() >= 3);
  await store.close();
});
