/**
 * Folder listing: the names in a folder as they were when it was first read,
 * in WASI's dirents. A cookie is a place in that list, so names that go or come
 * meanwhile move no other. Read anew from cookie 0.
 */
import { lstatSync, readdirSync } from "node:fs";
import { DIRENT_BYTES, ERRNO, FILETYPE } from "../../../../guest/wasi/abi.ts";
import { Refused } from "./errno.ts";
import { filetypeOf } from "./filestat.ts";
import type { Folder, FolderAccess } from "./folder-access.ts";

/** Names that all listings of one guest may hold: some hundred megabytes. */
const NAMES_MAX = 1_000_000;

const SELF = Buffer.from(".");
const PARENT = Buffer.from("..");

export class FolderListing {
  readonly #access: FolderAccess;
  readonly #folder: Folder;
  #names: readonly Buffer[] | null = null;

  constructor(access: FolderAccess, folder: Folder) {
    this.#access = access;
    this.#folder = folder;
  }

  get nameCount(): number {
    return this.#names?.length ?? 0;
  }

  /** Fills `into` from `cookie` on, the last entry cut where it is full; how many bytes. `othersNameCount` names are held elsewhere. */
  write(into: Uint8Array, cookie: number, othersNameCount: number): number {
    if (cookie === 0) this.#names = null;
    this.#names ??= this.#read(othersNameCount);
    const header = Buffer.alloc(DIRENT_BYTES);
    let used = 0;
    for (let index = cookie; index < this.#names.length && used < into.length; index++) {
      const name = this.#names[index]!;
      const entry = this.#entry(name);
      // Gone since the list was made.
      if (entry === null) continue;
      header.writeBigUInt64LE(BigInt(index + 1), 0);
      header.writeBigUInt64LE(entry.ino, 8);
      header.writeUInt32LE(name.length, 16);
      header.writeUInt8(entry.filetype, 20);
      for (const part of [header, name]) {
        const fits = part.subarray(0, into.length - used);
        into.set(fits, used);
        used += fits.length;
      }
    }
    return used;
  }

  #read(othersNameCount: number): readonly Buffer[] {
    const found = readdirSync(this.#access.pathIn(this.#folder, null), { encoding: "buffer" });
    this.#access.confirm(this.#folder);
    if (found.length + othersNameCount > NAMES_MAX) throw new Refused(ERRNO.nomem);
    return [SELF, PARENT, ...found];
  }

  #entry(name: Buffer): { ino: bigint; filetype: number } | null {
    // What is above may be outside: its number is nobody's business.
    if (name === PARENT) return { ino: 0n, filetype: FILETYPE.directory };
    const path = this.#access.pathIn(this.#folder, name === SELF ? null : name);
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? null : { ino: stats.ino, filetype: filetypeOf(stats) };
  }
}
