/**
 * Open files of one guest, by the handles it knows: its shared folders first,
 * which stay open, then what it opened, up to a count. A handle that names
 * nothing is EBADF.
 */
import { closeSync } from "node:fs";
import { ERRNO } from "../../../../guest/wasi/abi.ts";
import { Refused } from "./errno.ts";
import type { Folder } from "./folder-access.ts";
import type { FolderListing } from "./folder-listing.ts";

export interface OpenFile {
  /** Another one once its flags have changed. */
  fd: number;
  /** Whether anything in the shared folder that it lies in may change. */
  readonly isWritable: boolean;
  /** Access mode as open(2) has it. */
  readonly accessMode: number;
  /** null for a file. */
  readonly folder: Folder | null;
  readonly listing: FolderListing | null;
}

export type OpenFolder = OpenFile & { readonly folder: Folder; readonly listing: FolderListing };

export class OpenFiles {
  #shared: readonly OpenFolder[];
  readonly #maxCount: number;
  /** null where one was closed. */
  readonly #opened: (OpenFile | null)[] = [];
  readonly #free: number[] = [];

  constructor(shared: readonly OpenFolder[], maxCount: number) {
    this.#shared = shared;
    this.#maxCount = maxCount;
  }

  get openedCount(): number {
    return this.#opened.length - this.#free.length;
  }

  /** Ask before opening: what is over the limit is never opened. */
  checkRoom(): void {
    if (this.openedCount >= this.#maxCount) throw new Refused(ERRNO.mfile);
  }

  add(file: OpenFile): number {
    const index = this.#free.pop() ?? this.#opened.length;
    this.#opened[index] = file;
    return this.#shared.length + index;
  }

  get(handle: number): OpenFile {
    const file = this.#shared[handle] ?? this.#opened[handle - this.#shared.length];
    if (file === undefined || file === null) throw new Refused(ERRNO.badf);
    return file;
  }

  getFolder(handle: number): OpenFolder {
    const file = this.get(handle);
    if (file.folder === null) throw new Refused(ERRNO.notdir);
    return file as OpenFolder;
  }

  /** A shared folder stays: the next request begins with it. */
  close(handle: number): void {
    const file = this.get(handle);
    const index = handle - this.#shared.length;
    if (index < 0) return;
    this.#opened[index] = null;
    this.#free.push(index);
    closeSync(file.fd);
  }

  closeOpened(): void {
    for (const file of this.#opened) if (file !== null) closeSync(file.fd);
    this.#opened.length = 0;
    this.#free.length = 0;
  }

  /** The shared folders too: no handle names anything from here on. */
  closeAll(): void {
    this.closeOpened();
    for (const { fd } of this.#shared) closeSync(fd);
    this.#shared = [];
  }

  /** Names held by listings, but for one. */
  nameCountWithout(listing: FolderListing): number {
    let count = 0;
    for (const file of [...this.#shared, ...this.#opened]) {
      if (file?.listing && file.listing !== listing) count += file.listing.nameCount;
    }
    return count;
  }
}
