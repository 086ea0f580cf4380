/**
 * Reads a bundle: its manifest, and any member by name. Opening it proves that
 * its members are those that the manifest names, with their sizes, each once,
 * and nothing else; what they hold is proved by whoever streams them. Memory
 * is bounded by the manifest's limit, whatever the file says.
 */
import { constants, type FileHandle, open } from "node:fs/promises";
import { builtin } from "../../base/builtin.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { KIB } from "../../base/units.ts";
import { type BundleManifest, ENTRIES_MAX, MANIFEST_MAX_BYTES, MANIFEST_NAME, membersOf, parseManifest } from "./bundle-manifest.ts";
import { BLOCK_BYTES, paddingBytes, parseTarHeader } from "./tar-format.ts";

const READ_BYTES = 256 * KIB;

/** Faults are phrases that follow the bundle's name and a colon. */
export class BundleReader {
  readonly manifest: BundleManifest;
  readonly #handle: FileHandle;
  readonly #members: ReadonlyMap<string, Place>;

  private constructor(handle: FileHandle, manifest: BundleManifest, members: ReadonlyMap<string, Place>) {
    this.#handle = handle;
    this.manifest = manifest;
    this.#members = members;
  }

  /** Throws the file system's error where the file can't be read. */
  static async open(path: string): Promise<Result<BundleReader, string>> {
    // A FIFO would be waited for.
    const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const opened = await BundleReader.#read(handle);
      if (!opened.ok) await handle.close();
      return opened;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  static async #read(handle: FileHandle): Promise<Result<BundleReader, string>> {
    const stats = await handle.stat();
    if (!stats.isFile()) return fail("it is no regular file");
    const members = await listMembers(handle, stats.size);
    if (!members.ok) return members;
    const [first] = members.value;
    if (first?.[0] !== MANIFEST_NAME) return fail("it is no bundle: its first member is no manifest");
    if (first[1].sizeBytes > MANIFEST_MAX_BYTES) return fail("its manifest is too large");
    const bytes = await readAt(handle, first[1].offset, first[1].sizeBytes);
    if (bytes === null) return fail("it ends within its manifest");
    const manifest = parseManifest(bytes.toString("utf8"));
    if (!manifest.ok) return manifest;
    const wanted = membersOf(manifest.value);
    for (const [name, sizeBytes] of wanted) {
      if (members.value.get(name)?.sizeBytes !== sizeBytes)
        return fail(`its member ${name} is missing or has another size than its manifest says`);
    }
    if (wanted.size !== members.value.size - 1) return fail("it has members that its manifest doesn't name");
    return ok(new BundleReader(handle, manifest.value, members.value));
  }

  /** In order; null for the bytes once they turn out not to be those of `sha256`: the last ones are held back until that is known. */
  async *verified(name: string, sha256: string): AsyncGenerator<Uint8Array | null> {
    const { offset, sizeBytes } = this.#members.get(name)!;
    const hash = builtin.crypto.createHash("sha256");
    for (let at = 0; at < sizeBytes; at += READ_BYTES) {
      const bytes = await readAt(this.#handle, offset + at, Math.min(READ_BYTES, sizeBytes - at));
      if (bytes === null) {
        yield null;
        return;
      }
      hash.update(bytes);
      if (at + READ_BYTES < sizeBytes) yield bytes;
      else yield hash.digest("hex") === sha256 ? bytes : null;
    }
    if (sizeBytes === 0 && hash.digest("hex") !== sha256) yield null;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

interface Place {
  readonly offset: number;
  readonly sizeBytes: number;
}

async function listMembers(handle: FileHandle, fileBytes: number): Promise<Result<Map<string, Place>, string>> {
  const members = new Map<string, Place>();
  let at = 0;
  for (;;) {
    const header = await readAt(handle, at, BLOCK_BYTES);
    if (header === null) return fail(at === 0 ? "it is no bundle" : "it is not complete: its end is missing");
    const member = parseTarHeader(header);
    if (!member.ok) return member;
    if (member.value === null) break;
    const { name, sizeBytes } = member.value;
    const offset = at + BLOCK_BYTES;
    at = offset + sizeBytes + paddingBytes(sizeBytes);
    if (at > fileBytes) return fail("it is not complete: it ends within a member");
    if (members.has(name)) return fail("it has two members of one name");
    members.set(name, { offset, sizeBytes });
    if (members.size > ENTRIES_MAX + 1) return fail(`it has more than ${ENTRIES_MAX} members`);
  }
  if (fileBytes !== at + 2 * BLOCK_BYTES) return fail("something follows its end, or its end is missing");
  return ok(members);
}

/** Null when the file ends before. */
async function readAt(handle: FileHandle, offset: number, sizeBytes: number): Promise<Buffer | null> {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let length = 0;
  while (length < sizeBytes) {
    const { bytesRead } = await handle.read(bytes, length, sizeBytes - length, offset + length);
    if (bytesRead === 0) return null;
    length += bytesRead;
  }
  return bytes;
}
