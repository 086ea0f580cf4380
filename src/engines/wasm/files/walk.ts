/**
 * Walk: follows a guest's path from an open folder, one component at a time,
 * every folder held open on the way. `..` goes back to what is held, links are
 * read and followed here and never by the system, so nothing that is renamed
 * or swapped meanwhile can lead out: above the folder it began at there is
 * nothing, and an absolute link leads nowhere.
 */
import { closeSync, readlinkSync } from "node:fs";
import { ERRNO } from "../../../../guest/wasi/abi.ts";
import { PATH_MAX_BYTES } from "../../../../guest/wasi/file-operations.ts";
import { codeOf, Refused } from "./errno.ts";
import type { Folder, FolderAccess } from "./folder-access.ts";

const LINKS_MAX = 40;
/** Folders on one way: as many as the longest path has components, and links can't multiply it. */
const STEPS_MAX = PATH_MAX_BYTES / 2;
/** Folders held open at once: they are the server's descriptors. */
const DEPTH_MAX = 512;
const SLASH = 0x2f;
const DOT = 0x2e;

export class Walk {
  readonly #access: FolderAccess;
  readonly #start: Folder;
  readonly #entered: Folder[] = [];
  /** Components still to go, the next one last. */
  readonly #ahead: Buffer[] = [];
  #linkCount = 0;
  #stepCount = 0;
  /** The last component, not yet looked at; null when the path leads to `folder` itself. */
  name: Buffer | null = null;
  /** It ended with a slash: whatever it leads to has to be a folder, and a link is followed to it. */
  mustBeFolder = false;

  constructor(access: FolderAccess, start: Folder, path: Buffer) {
    this.#access = access;
    this.#start = start;
    try {
      this.#goOn(path);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get folder(): Folder {
    return this.#entered.at(-1) ?? this.#start;
  }

  path(): Buffer {
    return this.#access.pathIn(this.folder, this.name);
  }

  /** The last component is a link, so go on to where it leads; throws ENOTDIR when it is none. */
  follow(): void {
    const { name } = this;
    if (name === null) throw new Refused(ERRNO.notdir);
    this.name = null;
    this.#goOn(this.#read(name));
  }

  close(): void {
    for (const { fd } of this.#entered.splice(0)) closeSync(fd);
  }

  #goOn(path: Buffer): void {
    this.#push(path);
    for (let component = this.#ahead.pop(); component !== undefined; component = this.#ahead.pop()) {
      if (isSelf(component)) continue;
      if (isParent(component)) this.#leave();
      else if (this.#ahead.length === 0) this.name = component;
      else this.#enter(component);
    }
  }

  #push(path: Buffer): void {
    if (path[0] === SLASH) throw new Refused(ERRNO.notcapable);
    const isLast = this.#ahead.length === 0;
    const components: Buffer[] = [];
    for (let start = 0; start < path.length; ) {
      const slash = path.indexOf(SLASH, start);
      const end = slash === -1 ? path.length : slash;
      // `.` stays where it is the last: then the one before it is not.
      if (end > start && (end === path.length || !isSelf(path.subarray(start, end)))) components.push(path.subarray(start, end));
      start = end + 1;
    }
    if (isLast && path.at(-1) === SLASH) this.mustBeFolder = true;
    for (const component of components.reverse()) this.#ahead.push(component);
  }

  #leave(): void {
    const left = this.#entered.pop();
    if (left === undefined) throw new Refused(ERRNO.notcapable);
    closeSync(left.fd);
  }

  #enter(name: Buffer): void {
    if (++this.#stepCount > STEPS_MAX) throw new Refused(ERRNO.loop);
    if (this.#entered.length >= DEPTH_MAX) throw new Refused(ERRNO.nametoolong);
    try {
      this.#entered.push(this.#access.openFolder(this.folder, name));
    } catch (error) {
      const code = codeOf(error);
      if (code !== "ENOTDIR" && code !== "ELOOP") throw error;
      this.#push(this.#read(name));
    }
  }

  #read(name: Buffer): Buffer {
    if (++this.#linkCount > LINKS_MAX) throw new Refused(ERRNO.loop);
    try {
      const target = readlinkSync(this.#access.pathIn(this.folder, name), { encoding: "buffer" });
      this.#access.confirm(this.folder);
      return target;
    } catch (error) {
      throw codeOf(error) === "EINVAL" ? new Refused(ERRNO.notdir) : error;
    }
  }
}

function isSelf(component: Buffer): boolean {
  return component.length === 1 && component[0] === DOT;
}

function isParent(component: Buffer): boolean {
  return component.length === 2 && component[0] === DOT && component[1] === DOT;
}
