/**
 * Recordings folder: where recordings lie, one file each, DIR/<function>/<time>-
 * <request id>.json, with the modules that ran in DIR/.modules. Several workers
 * write there. Bounded: the oldest go. Whatever the disk does is one warning:
 * a request is never worth less than its recording.
 */
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { sha256 } from "../../../base/sha256.ts";
import { MIB } from "../../../base/units.ts";
import { writeFileAtomic } from "../../../store/atomic-file.ts";
import { MODULES_FOLDER } from "./recording.ts";

export interface FolderBounds {
  readonly fileMaxCount: number;
  readonly maxBytes: number;
  readonly moduleMaxCount: number;
  /** Looked after so many files or bytes of our own: between two looks the folder may hold more by that. */
  readonly sweepEveryFiles: number;
  readonly sweepEveryBytes: number;
}

export const BOUNDS: FolderBounds = {
  fileMaxCount: 2_000,
  maxBytes: 256 * MIB,
  moduleMaxCount: 32,
  sweepEveryFiles: 50,
  sweepEveryBytes: 16 * MIB,
};
/** Bytes and recordings that wait for the disk; more are not kept. */
const WAITING_MAX_BYTES = 64 * MIB;
const WAITING_MAX = 256;

export class RecordingsFolder {
  readonly #folder: string;
  readonly #bounds: FolderBounds;
  readonly #warn: (functionId: string, message: string) => void;
  readonly #modules = new Set<string>();
  #line: Promise<void> = Promise.resolve();
  #waiting = 0;
  #waitingBytes = 0;
  #files = 0;
  #bytes = 0;
  #isWarned = false;

  constructor(folder: string, warn: (functionId: string, message: string) => void, bounds: FolderBounds = BOUNDS) {
    this.#folder = folder;
    this.#warn = warn;
    this.#bounds = bounds;
    this.#files = bounds.sweepEveryFiles;
  }

  /** Kept once; returns its hash. */
  keepModule(functionId: string, bytes: Uint8Array): string {
    const hash = sha256(bytes);
    if (this.#modules.has(hash)) return hash;
    this.#modules.add(hash);
    this.#enqueue(functionId, async () => {
      try {
        await this.#write(MODULES_FOLDER, `${hash}.wasm`, bytes);
      } catch (error) {
        this.#modules.delete(hash);
        throw error;
      }
    });
    return hash;
  }

  /** `text` is asked for when its turn comes; until then it holds about `sizeBytes`. */
  keep(functionId: string, name: string, sizeBytes: number, text: () => string): void {
    if (this.#waiting >= WAITING_MAX || this.#waitingBytes + sizeBytes > WAITING_MAX_BYTES) {
      this.#complain(functionId, `${this.#waiting} wait for the disk already`);
      return;
    }
    this.#waitingBytes += sizeBytes;
    this.#enqueue(functionId, async () => {
      this.#waitingBytes -= sizeBytes;
      const content = text();
      await this.#write(folderName(functionId), name, content);
      this.#isWarned = false;
      this.#files++;
      this.#bytes += content.length;
      if (this.#files < this.#bounds.sweepEveryFiles && this.#bytes < this.#bounds.sweepEveryBytes) return;
      this.#files = 0;
      this.#bytes = 0;
      await this.#sweep();
    });
  }

  /** Everything that was given to it is on the disk, or lost. */
  settled(): Promise<void> {
    return this.#line;
  }

  #enqueue(functionId: string, work: () => Promise<void>): void {
    this.#waiting++;
    this.#line = this.#line
      .then(work)
      .catch((error: Error) => this.#complain(functionId, error.message))
      .finally(() => this.#waiting--);
  }

  #complain(functionId: string, why: string): void {
    if (this.#isWarned) return;
    this.#isWarned = true;
    this.#warn(
      functionId,
      `Cannot keep a recording in ${this.#folder}: ${why}. Requests go on, unrecorded; free some space or end --record`,
    );
  }

  async #write(folder: string, name: string, content: string | Uint8Array): Promise<void> {
    const path = join(this.#folder, folder);
    // Requests are in there: nobody else of this machine may read them.
    await mkdir(path, { recursive: true, mode: 0o700 });
    await writeFileAtomic(join(path, name), content);
  }

  async #sweep(): Promise<void> {
    const { fileMaxCount, maxBytes, moduleMaxCount } = this.#bounds;
    const folders = await readdir(this.#folder, { withFileTypes: true });
    const names = folders.filter((entry) => entry.isDirectory() && entry.name !== MODULES_FOLDER).map(({ name }) => name);
    const files = (await Promise.all(names.map((name) => filesIn(join(this.#folder, name), ".json")))).flat();
    await removeOldest(files, fileMaxCount, maxBytes);
    const modules = await filesIn(join(this.#folder, MODULES_FOLDER), ".wasm");
    const idle = modules.filter(({ path }) => ![...this.#modules].some((hash) => path.endsWith(`${hash}.wasm`)));
    await removeOldest(idle, Math.max(0, moduleMaxCount - (modules.length - idle.length)), Number.POSITIVE_INFINITY);
  }
}

/** An id may hold slashes and brackets ("api/users/[id]"); no two share a folder. */
export function folderName(functionId: string): string {
  return encodeURIComponent(functionId).replace(/^\./, "%2E");
}

interface KeptFile {
  readonly path: string;
  readonly modifiedMs: number;
  readonly sizeBytes: number;
}

async function filesIn(folder: string, ending: string): Promise<KeptFile[]> {
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names
      .filter((name) => name.endsWith(ending))
      .map(async (name) => {
        const path = join(folder, name);
        // Another worker may have removed it.
        const facts = await stat(path).catch(() => null);
        return facts === null ? null : { path, modifiedMs: facts.mtimeMs, sizeBytes: facts.size };
      }),
  );
  return found.filter((file) => file !== null);
}

async function removeOldest(files: KeptFile[], maxCount: number, maxBytes: number): Promise<void> {
  // The system's clock for files is a coarse one; names begin with the time.
  files.sort((one, other) => other.modifiedMs - one.modifiedMs || (basename(one.path) < basename(other.path) ? 1 : -1));
  let bytes = 0;
  for (const [index, { path, sizeBytes }] of files.entries()) {
    bytes += sizeBytes;
    if (index >= maxCount || bytes > maxBytes) await rm(path, { force: true });
  }
}
