/**
 * Blob store: content in files, found by an index in SQLite. Every write makes a
 * new file under a name of our own making, complete before the index points to
 * it; the file before is removed after. No name of a guest's ever becomes a path.
 * A crash between the two leaves a file nobody points to, which the next process
 * sweeps. Content is checked against its hash when it is read.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fail, ok, type Result } from "../base/result.ts";
import { sha256 } from "../base/sha256.ts";
import { HOUR_MS } from "../base/units.ts";
import { writeFileAtomic } from "./atomic-file.ts";
import type { BlobRow } from "./blob-table.ts";
import type { KeyRange } from "./key-range.ts";
import type { StoreClient, StoreResult } from "./store-client.ts";
import { type StoreFault, storeFault } from "./store-fault.ts";

/** A file is older than any write that could still be under way. */
const STRAY_AFTER_MS = HOUR_MS;
/** A key that is written all the time points elsewhere again before its file is read. */
const READ_ATTEMPTS_MAX = 5;

export type BlobContent = BlobRow & { readonly bytes: Uint8Array };

export class BlobStore {
  readonly #client: StoreClient;
  readonly #prepared = new Map<string, Promise<string>>();

  constructor(client: StoreClient) {
    this.#client = client;
  }

  async put(bucket: string, key: Uint8Array, bytes: Uint8Array, contentType: string | null): StoreResult<BlobRow> {
    const file = randomBytes(16).toString("hex");
    const path = await this.#pathOf(bucket, file);
    if (!path.ok) return path;
    const hash = sha256(bytes);
    const written = await guarded(`Cannot write ${path.value}`, () => writeFileAtomic(path.value, bytes));
    if (!written.ok) return written;
    const row: BlobRow = { key, file, sizeBytes: bytes.length, sha256: hash, contentType, writtenAtMs: Date.now() };
    const before = await this.#client.run("blob", bucket, "put", row);
    if (!before.ok) await this.#remove(bucket, file);
    else if (before.value !== null) await this.#remove(bucket, before.value);
    return before.ok ? ok(row) : before;
  }

  async get(bucket: string, key: Uint8Array): StoreResult<BlobContent | null> {
    for (let attempt = 1; ; attempt++) {
      const found = await this.head(bucket, key);
      if (!found.ok || found.value === null) return found.ok ? ok(null) : found;
      const row = found.value;
      const path = this.#path(bucket, row.file);
      const bytes = await guarded(`Cannot read ${path}`, () => readFile(path));
      if (bytes.ok) {
        if (sha256(bytes.value) === row.sha256) return ok({ ...row, bytes: bytes.value });
        const message = `Cannot read ${path}: the file is damaged (its hash is not the one that was written). Put a copy back, or delete the key`;
        return fail({ code: "STORAGE_FAILED", message });
      }
      if (attempt === READ_ATTEMPTS_MAX) return bytes;
    }
  }

  head(bucket: string, key: Uint8Array): StoreResult<BlobRow | null> {
    return this.#client.run("blob", bucket, "find", key);
  }

  async delete(bucket: string, key: Uint8Array): StoreResult<boolean> {
    const file = await this.#client.run("blob", bucket, "delete", key);
    if (!file.ok) return file;
    if (file.value !== null) await this.#remove(bucket, file.value);
    return ok(file.value !== null);
  }

  list(bucket: string, range: KeyRange): StoreResult<BlobRow[]> {
    return this.#client.run("blob", bucket, "list", range);
  }

  #path(bucket: string, file: string): string {
    return join(this.#folder(bucket), file.slice(0, 2), file);
  }

  #folder(bucket: string): string {
    // Not beside the indexes: a bucket's name could be that of another one's index.
    return join(this.#client.dataDir, "store", "blob-files", bucket);
  }

  /** Its folder exists then. */
  async #pathOf(bucket: string, file: string): Promise<Result<string, StoreFault>> {
    const path = this.#path(bucket, file);
    if (!this.#prepared.has(bucket)) this.#prepared.set(bucket, this.#sweep(bucket));
    const made = await guarded(`Cannot make the folder of ${path}`, () => makeFolder(dirname(path)));
    return made.ok ? ok(path) : made;
  }

  /** A file that can't be removed costs only its room: the sweep of a later process tries again. */
  async #remove(bucket: string, file: string): Promise<void> {
    await rm(this.#path(bucket, file), { force: true }).catch(() => {});
  }

  async #sweep(bucket: string): Promise<string> {
    try {
      for (const part of await readdir(this.#folder(bucket))) {
        const folder = join(this.#folder(bucket), part);
        const old: string[] = [];
        for (const name of await readdir(folder)) {
          if (Date.now() - (await stat(join(folder, name))).mtimeMs > STRAY_AFTER_MS) old.push(name);
        }
        const strays = await this.#client.run("blob", bucket, "strays", old);
        if (strays.ok) for (const name of strays.value) await rm(join(folder, name), { force: true });
      }
    } catch {
      // Nothing was ever written, or files went while it looked.
    }
    return bucket;
  }
}

/** Not mkdir's own `recursive`: on a read-only disk that says "no such file". */
async function makeFolder(folder: string): Promise<void> {
  try {
    await makeOne(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    await makeOne(folder);
  }
}

/** What is there already is a folder, or the write into it says so. */
async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

async function guarded<Value>(action: string, work: () => Promise<Value>): Promise<Result<Value, StoreFault>> {
  try {
    return ok(await work());
  } catch (error) {
    const fault = storeFault(action, error);
    if (fault === null) throw error;
    return fail(fault);
  }
}
