/**
 * A process that uses a content store until it is killed. Usage: JSON of
 * ChildPlan. Prints "committed HASH" after a commit was
 * acknowledged and not before, and "refused CODE" when it may not have the folder.
 */
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { sha256 } from "../../src/base/sha256.ts";
import type { StorageConfig } from "../../src/config/mirror-config.ts";
import { openContentStore } from "../../src/store/content/open-content-store.ts";
import { bytesOf, contentOptions, must } from "./content.ts";

const LANES = 4;
const KEPT_MAX = 40;
const PIECE_BYTES = 20_000;

export interface ChildPlan {
  readonly dir: string;
  readonly storage: StorageConfig;
  readonly maxBytes: number;
  readonly fileMaxBytes: number;
  readonly seed: number;
}

const { dir, storage, maxBytes, fileMaxBytes, seed } = JSON.parse(process.argv[2]!) as ChildPlan;
const pace = { bytesPerSecond: 64 * 1024 * 1024, everyMs: 0, startAfterMs: 0, idleMs: 1 };
const opened = await openContentStore(contentOptions({ dir, storage, maxBytes, pace }));
if (!opened.ok) {
  writeSync(1, `refused ${opened.failure.code} ${opened.failure.message}. ${opened.failure.hint}\n`);
  process.exit(3);
}
const store = opened.value;
writeSync(1, "open\n");

/** Small and quick; what it draws has to be the same for one seed, and nothing more. */
let state = seed;
function draw(below: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  return (state >>> 8) % below;
}

const committed: string[] = [];

/** The way of a transfer, its pieces written one by one. */
async function transfer(): Promise<void> {
  const partial = await must(store.begin());
  const bytes = randomBytes(draw(fileMaxBytes));
  const file = await open(partial.path, "w");
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) await file.write(bytes, at, Math.min(PIECE_BYTES, bytes.length - at));
  await file.close();
  if (draw(5) === 0) return partial.discard();
  const hash = sha256(bytes);
  await must(store.commit(partial, { sha256: hash, sizeBytes: bytes.length }));
  writeSync(1, `committed ${hash}\n`);
  committed.push(hash);
  if (committed.length > KEPT_MAX) committed.shift();
}

async function use(): Promise<void> {
  const hash = committed[draw(committed.length)];
  if (hash === undefined) return;
  const bytes = await bytesOf(store, hash);
  if (bytes !== null && sha256(bytes) !== hash) throw new Error(`${hash} was served wrong`);
}

async function work(): Promise<void> {
  for (;;) {
    await transfer();
    await use();
  }
}

await Promise.all(Array.from({ length: LANES }, work));
