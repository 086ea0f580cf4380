/**
 * Writes a bundle: members one after another into a file beside the final
 * one, which takes its place when everything is on the disk. Counts and hashes
 * what it writes: a member that isn't what its entry says ends the bundle.
 */
import { constants, type FileHandle, open, rename, rm } from "node:fs/promises";
import { assert } from "../../base/assert.ts";
import { builtin } from "../../base/builtin.ts";
import { BLOCK_BYTES, paddingBytes, tarHeader } from "./tar-format.ts";

export interface WrittenMember {
  readonly name: string;
  readonly sizeBytes: number;
  /** Null for the manifest, which nobody vouches for. */
  readonly sha256: string | null;
}

/** Where a bundle is written before it takes its place. */
export function partPathOf(path: string): string {
  return `${path}.part`;
}

export class BundleWriter {
  readonly #path: string;
  readonly #partPath: string;
  readonly #handle: FileHandle;

  private constructor(path: string, partPath: string, handle: FileHandle) {
    this.#path = path;
    this.#partPath = partPath;
    this.#handle = handle;
  }

  /** Throws the file system's error. What a killed export left behind is written over. */
  static async create(path: string): Promise<BundleWriter> {
    const partPath = partPathOf(path);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | (constants.O_NOFOLLOW ?? 0);
    return new BundleWriter(path, partPath, await open(partPath, flags, 0o644));
  }

  /** False when the content is not what the member says: the bundle can't be finished then. Throws errors of either file. */
  async add({ name, sizeBytes, sha256 }: WrittenMember, content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<boolean> {
    await this.#write(tarHeader({ name, sizeBytes }));
    const hash = builtin.crypto.createHash("sha256");
    let writtenBytes = 0;
    for await (const chunk of content) {
      writtenBytes += chunk.length;
      if (writtenBytes > sizeBytes) return false;
      hash.update(chunk);
      await this.#write(chunk);
    }
    if (writtenBytes !== sizeBytes || (sha256 !== null && hash.digest("hex") !== sha256)) return false;
    await this.#write(Buffer.alloc(paddingBytes(sizeBytes)));
    return true;
  }

  /** From then on the bundle is there, and survives a power cut. */
  async finish(): Promise<void> {
    await this.#write(Buffer.alloc(2 * BLOCK_BYTES));
    await this.#handle.sync();
    await this.#handle.close();
    await rename(this.#partPath, this.#path);
  }

  /** Leaves nothing. Never rejects. */
  async abandon(): Promise<void> {
    await this.#handle.close().catch(() => {});
    await rm(this.#partPath, { force: true }).catch(() => {});
  }

  async #write(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, written);
      assert(bytesWritten > 0, "a write made no progress and gave no error");
      written += bytesWritten;
    }
  }
}
