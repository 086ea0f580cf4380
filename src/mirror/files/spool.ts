/**
 * Spool: the partial file of a transfer. Takes chunks at any position, writes
 * what has queued up in one go while the next chunks come, and is read while
 * it grows. Its descriptor outlives its name: when the file has become content
 * (or was discarded), those who still read it go on.
 */
import { type FileHandle, open } from "node:fs/promises";
import { fail, ok, type Result } from "../../base/result.ts";
import { MIB } from "../../base/units.ts";
import type { PartialFile } from "../../store/content/content-store.ts";
import { type StoreFault, storeFault } from "../../store/store-fault.ts";
import { ArrivedRanges } from "./arrived-ranges.ts";

/** So many bytes wait for the disk; then upstream waits. */
const QUEUED_MAX_BYTES = 4 * MIB;
/** Buffers of one system call (IOV_MAX is 1024). */
const GATHERED_MAX = 256;

interface Chunk {
  readonly start: number;
  readonly bytes: Uint8Array;
}

export class Spool {
  readonly partial: PartialFile;
  readonly #handle: FileHandle;
  readonly #arrived = new ArrivedRanges();
  #queue: Chunk[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | null = null;
  #fault: StoreFault | null = null;
  #holders = 1;
  /** Called whenever more of it can be read. */
  onWritten: () => void;

  private constructor(partial: PartialFile, handle: FileHandle, onWritten: () => void) {
    this.partial = partial;
    this.#handle = handle;
    this.onWritten = onWritten;
  }

  static async open(partial: PartialFile, onWritten: () => void): Promise<Result<Spool, StoreFault>> {
    try {
      return ok(new Spool(partial, await open(partial.path, "w+", 0o600), onWritten));
    } catch (error) {
      return fail(explained(`Cannot open ${partial.path}`, error));
    }
  }

  get fd(): number {
    return this.#handle.fd;
  }

  /** Bytes from the beginning that can be read. */
  get leadingBytes(): number {
    return this.#arrived.leadingBytes;
  }

  /** Takes a chunk; waits while too much is queued. Fails with what the disk said to this chunk or one before. */
  async add(start: number, bytes: Uint8Array): Promise<Result<void, StoreFault>> {
    this.#queue.push({ start, bytes });
    this.#queuedBytes += bytes.length;
    this.#writing ??= this.#write();
    if (this.#queuedBytes > QUEUED_MAX_BYTES) await this.#writing;
    return this.#fault === null ? ok(undefined) : fail(this.#fault);
  }

  /** Resolves when all that was added is written. */
  async written(): Promise<Result<void, StoreFault>> {
    while (this.#writing !== null) await this.#writing;
    return this.#fault === null ? ok(undefined) : fail(this.#fault);
  }

  /** Upstream changed its mind: nothing of it counts any more. */
  async restart(): Promise<Result<void, StoreFault>> {
    await this.written();
    try {
      await this.#handle.truncate(0);
    } catch (error) {
      this.#fault = explained(`Cannot empty ${this.partial.path}`, error);
    }
    this.#arrived.clear();
    return this.#fault === null ? ok(undefined) : fail(this.#fault);
  }

  /** Of what was written only that stays which has no gap before it. */
  async keepLeading(): Promise<Result<void, StoreFault>> {
    await this.written();
    this.#arrived.keepLeading();
    try {
      await this.#handle.truncate(this.leadingBytes);
    } catch (error) {
      this.#fault = explained(`Cannot cut ${this.partial.path}`, error);
    }
    return this.#fault === null ? ok(undefined) : fail(this.#fault);
  }

  /** Fills `target` from `position`; the bytes must have been written. Throws the file system's error. */
  async read(target: Uint8Array, position: number): Promise<number> {
    const { bytesRead } = await this.#handle.read(target, 0, target.length, position);
    return bytesRead;
  }

  hold(): void {
    this.#holders++;
  }

  /** The last one closes it. */
  release(): void {
    this.#holders--;
    if (this.#holders === 0) this.#handle.close().catch(() => {});
  }

  async #write(): Promise<void> {
    while (this.#queue.length > 0 && this.#fault === null) {
      const run = this.#takeRun();
      const start = (run[0] as Chunk).start;
      const length = run.reduce((sum, { bytes }) => sum + bytes.length, 0);
      try {
        await this.#writeFully(run, start, length);
        this.#arrived.add(start, start + length);
        this.#queuedBytes -= length;
        this.onWritten();
      } catch (error) {
        this.#fault = explained(`Cannot write ${this.partial.path}`, error);
        this.#queue = [];
      }
    }
    this.#writing = null;
  }

  /** A disk that is nearly full takes a part and says so only to the next call. */
  async #writeFully(run: readonly Chunk[], start: number, length: number): Promise<void> {
    const buffers = run.map(({ bytes }) => bytes);
    const { bytesWritten } = await this.#handle.writev(buffers, start);
    if (bytesWritten === length) return;
    const rest = Buffer.concat(buffers).subarray(bytesWritten);
    for (let at = 0; at < rest.length; ) {
      const written = await this.#handle.write(rest, at, rest.length - at, start + bytesWritten + at);
      at += written.bytesWritten;
    }
  }

  /** The chunks in front of the queue that lie behind one another in the file. */
  #takeRun(): Chunk[] {
    let count = 1;
    let end = (this.#queue[0] as Chunk).start + (this.#queue[0] as Chunk).bytes.length;
    while (count < Math.min(this.#queue.length, GATHERED_MAX) && (this.#queue[count] as Chunk).start === end) {
      end += (this.#queue[count] as Chunk).bytes.length;
      count++;
    }
    return this.#queue.splice(0, count);
  }
}

function explained(action: string, error: unknown): StoreFault {
  const fault = storeFault(action, error);
  if (fault !== null) return fault;
  return { code: "STORAGE_FAILED", message: `${action}: ${error instanceof Error ? error.message : String(error)}` };
}
