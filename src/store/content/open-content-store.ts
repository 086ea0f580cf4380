/**
 * Opens a content store: proves that nobody else uses its folder and that it
 * can be used, then the catalogue, then the backend. Nothing here looks at the
 * files themselves, so a start takes as long with 100,000 of them as with none;
 * what a death left behind is cleared up while the store already answers.
 */

import { join } from "node:path";
import { builtin } from "../../base/builtin.ts";
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import type { StorageConfig } from "../../config/mirror-config.ts";
import { type FolderWords, makeFolder, prepareDataFolder, storageFailure } from "../data-folder.ts";
import { StoreError, type StoreFault } from "../store-fault.ts";
import { Catalogue } from "./catalogue.ts";
import type { ContentBackend, ContentStore } from "./content-store.ts";
import { type FolderOwner, IN_USE, ownFolder } from "./folder-owner.ts";
import { CLOSE_GRACE_MS, type ContentLog, KeptContent } from "./kept-content.ts";
import { LocalBackend } from "./local-backend.ts";
import { RECHECK_PACE, type RecheckPace } from "./rechecker.ts";
import { assertPlace } from "./s3/s3-address.ts";
import type { S3BackendOptions } from "./s3/s3-backend.ts";
import type { S3Tuning } from "./s3/s3-client.ts";

export interface ContentStoreOptions {
  /** Absolute. */
  readonly dir: string;
  readonly storage: StorageConfig;
  /** Of what this mirror keeps; 0 keeps nothing. */
  readonly maxBytes: number;
  readonly log: ContentLog;
  readonly nowMs: () => number;
  /** These three for tests, which can't wait a week. */
  readonly pace?: RecheckPace;
  readonly s3Tuning?: S3Tuning;
  readonly closeGraceMs?: number;
}

const CACHE_FOLDER: FolderWords = {
  code: "CACHE_DIR_UNUSABLE",
  name: "cache folder",
  alternative: "--cache-dir DIR or PILOTLIGHT_CACHE_DIR",
};

const DAMAGE_HINT = "All of it is a cache: with its folder moved away the mirror starts with an empty one";

export async function openContentStore(options: ContentStoreOptions): Promise<Result<ContentStore, Failure>> {
  const { dir, storage } = options;
  if (storage.kind === "s3") assertPlace(storage);
  const owner = takeFolder(dir);
  if (!owner.ok) return owner;
  const opened = await openOwned(options, owner.value);
  if (!opened.ok) owner.value.release();
  return opened;
}

/**
 * Whose it is comes first: a disk that another mirror has filled is that one's affair, and its folder is not written to. What
 * keeps the lock from being asked for at all (no folder yet, no permission) is made, or told, by the proof that it can be used.
 */
/** Which packages a company uses is nobody else's business on the machine. A folder that is there keeps its mode. */
const OWNERS_ONLY = 0o700;

function takeFolder(dir: string): Result<FolderOwner, Failure> {
  const asked = ownFolder(dir);
  if (!asked.ok && asked.failure.code === IN_USE) return asked;
  const unusable = prepareDataFolder(dir, CACHE_FOLDER, OWNERS_ONLY);
  if (unusable === null) return asked.ok ? asked : ownFolder(dir);
  if (asked.ok) asked.value.release();
  return fail(unusable);
}

async function openOwned(options: ContentStoreOptions, owner: FolderOwner): Promise<Result<ContentStore, Failure>> {
  const { dir, storage, maxBytes, log, nowMs, pace = RECHECK_PACE, s3Tuning, closeGraceMs = CLOSE_GRACE_MS } = options;
  const onTrouble = (fault: StoreFault | null): void => {
    if (fault === null) log("info", "The catalogue of the cache can be written again");
    else log("error", "The catalogue of the cache can't be written: what is used meanwhile is not remembered", { reason: fault.message });
  };
  try {
    makeFolder(join(dir, "partial"));
    if (storage.kind === "local") makeFolder(join(dir, "files"));
    const catalogue = new Catalogue({ dir, name: catalogueName(storage), maxBytes, nowMs, onTrouble });
    const backend = storage.kind === "local" ? new LocalBackend(dir) : await openS3({ storage, notes: catalogue, tuning: s3Tuning, log });
    const onClosed = (): void => owner.release();
    return ok(new KeptContent({ dir, catalogue, backend, maxBytes, pace, log, nowMs, closeGraceMs, onClosed }));
  } catch (error) {
    if (error instanceof StoreError) return fail({ code: CACHE_FOLDER.code, message: error.message, hint: DAMAGE_HINT });
    const failure = storageFailure(dir, error, CACHE_FOLDER);
    if (failure === null) throw error;
    return fail(failure);
  }
}

/** Loaded only where a bucket is used. */
async function openS3(options: S3BackendOptions): Promise<ContentBackend> {
  const { S3Backend } = await import("./s3/s3-backend.ts");
  return new S3Backend(options);
}

/** What lies in one place is not looked for in another: each has a catalogue of its own. */
function catalogueName(storage: StorageConfig): string {
  if (storage.kind === "local") return "";
  const { endpoint, region, bucket, prefix } = storage;
  const place = JSON.stringify([endpoint, region, bucket, prefix]);
  return `s3-${builtin.crypto.createHash("sha256").update(place).digest("hex").slice(0, 16)}`;
}
