/**
 * File reader: a content file that is open. Reads name their position, so any
 * number may use the descriptor at once; it is closed when the last of ours has
 * ended, because a number that is closed under a read may be another file's by
 * then. What was removed from the folder goes on being read.
 */
import { close, constants, fstat, open, read, type Stats } from "node:fs";
import { promisify } from "node:util";
import { assert } from "../../base/assert.ts";
import { KIB } from "../../base/units.ts";
import { StoreError } from "../store-fault.ts";
import { faultOf } from "./content-fault.ts";
import type { ContentReader } from "./content-store.ts";

const CHUNK_BYTES = 256 * KIB;
// A link or a FIFO in the place of our file is not our file.
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify(fstat);

/** Throws the file system's error; null when it is no file, or not the one that is meant. */
export async function openFileReader(path: string, isMeant: (stats: Stats) => boolean): Promise<ContentReader | null> {
  const fd = await openFile(path, OPEN_FLAGS);
  try {
    const stats = await statFile(fd);
    if (stats.isFile() && isMeant(stats)) return new FileReader(path, fd, stats.size);
  } catch (error) {
    await closeFile(fd);
    throw error;
  }
  await closeFile(fd);
  return null;
}

class FileReader implements ContentReader {
  readonly sizeBytes: number;
  readonly fd: number;
  readonly #path: string;
  #readCount = 0;
  #closed: PromiseWithResolvers<void> | null = null;

  constructor(path: string, fd: number, sizeBytes: number) {
    this.#path = path;
    this.fd = fd;
    this.sizeBytes = sizeBytes;
  }

  async *stream(start: number, end: number): AsyncGenerator<Uint8Array> {
    assert(0 <= start && start <= end && end <= this.sizeBytes, `a range ${start}-${end} outside of ${this.sizeBytes} bytes`);
    for (let at = start; at < end; ) {
      const chunk = await this.#read(at, Math.min(CHUNK_BYTES, end - at));
      at += chunk.length;
      yield chunk;
    }
  }

  async close(): Promise<void> {
    if (this.#closed === null) {
      this.#closed = Promise.withResolvers();
      if (this.#readCount === 0) this.#end();
    }
    await this.#closed.promise;
  }

  #read(position: number, length: number): Promise<Uint8Array> {
    const action = `Cannot read ${this.#path}`;
    if (this.#closed !== null) throw new StoreError({ code: "STORAGE_FAILED", message: `${action}: it was closed` });
    this.#readCount++;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    read(this.fd, Buffer.allocUnsafe(length), 0, length, position, (error, count, bytes) => {
      this.#readCount--;
      if (this.#closed !== null && this.#readCount === 0) this.#end();
      if (error !== null) reject(new StoreError(faultOf(action, error)));
      else if (count === 0) reject(new StoreError({ code: "STORAGE_FAILED", message: `${action}: it was cut short`, isDamage: true }));
      else resolve(bytes.subarray(0, count));
    });
    return promise;
  }

  /** What close says of a file that was only read is of no use to anybody. */
  #end(): void {
    close(this.fd, () => this.#closed!.resolve());
  }
}
