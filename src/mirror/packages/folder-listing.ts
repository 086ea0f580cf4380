/**
 * Folder listing: which wheels and sdists lie in the folder of packages. Those
 * in the folder itself count, and those in a sub-folder that bears the name of
 * their project, as users of pypiserver and devpi keep them; nothing deeper,
 * so that "old/" or "incoming/" can hold what isn't meant.
 * Synchronous, because "is this name ours?" must not be answered from an old
 * listing: a name that isn't ours is asked of other indexes. Cheap, because a
 * folder is read again only when it changed. What can't be read any more keeps
 * its names, for the same reason.
 */
import { type Dirent, readdirSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { stampOf } from "../../base/file-stamp.ts";
import { normaliseName } from "../../base/project-name.ts";
import { SECOND_MS } from "../../base/units.ts";
import type { MirrorLog } from "../log.ts";
import { parseDistributionName } from "../simple/distribution-name.ts";

/** File systems count time in steps of up to so much: a folder that changed just before it was read may change again unseen. */
const STEP_MAX_MS = 2 * SECOND_MS;
/** So many different complaints are told, then no more. */
const TOLD_MAX = 1_000;

export interface ListedFile {
  readonly filename: string;
  /** Absolute, links resolved. */
  readonly path: string;
  readonly project: string;
  /** A wheel, or an sdist packed as a zip archive. */
  readonly isZip: boolean;
}

interface ReadFolder {
  readonly stamp: string;
  readonly isSettled: boolean;
  readonly files: readonly ListedFile[];
  readonly folders: readonly string[];
}

export class FolderListing {
  readonly #dir: string;
  readonly #log: MirrorLog;
  readonly #folders = new Map<string, ReadFolder>();
  readonly #told = new Set<string>();
  #projects: ReadonlyMap<string, readonly ListedFile[]> = new Map();

  /** `dir` with its links resolved. */
  constructor(dir: string, log: MirrorLog) {
    this.#dir = dir;
    this.#log = log;
  }

  /** By normalised name; files in the order of their names. */
  get projects(): ReadonlyMap<string, readonly ListedFile[]> {
    return this.#projects;
  }

  /** True when something is different since the last look. Throws nothing. */
  look(): boolean {
    const root = this.#read("");
    let hasChanged = root.hasChanged;
    const present = new Set(["", ...root.folder.folders]);
    for (const name of root.folder.folders) hasChanged = this.#read(name).hasChanged || hasChanged;
    for (const name of this.#folders.keys()) {
      if (present.has(name)) continue;
      this.#folders.delete(name);
      hasChanged = true;
    }
    if (hasChanged) this.#projects = this.#merge();
    return hasChanged;
  }

  #read(name: string): { readonly folder: ReadFolder; readonly hasChanged: boolean } {
    const known = this.#folders.get(name);
    const path = join(this.#dir, name);
    let folder: ReadFolder;
    try {
      const stats = statSync(path);
      const stamp = stampOf(stats);
      if (known?.isSettled && known.stamp === stamp) return { folder: known, hasChanged: false };
      const isSettled = Date.now() - Math.max(stats.mtimeMs, stats.ctimeMs) > STEP_MAX_MS;
      folder = { stamp, isSettled, ...this.#sort(name, readdirSync(path, { withFileTypes: true })) };
    } catch (error) {
      this.#tell(`Cannot read ${path}: ${(error as Error).message}. What was there keeps its names`);
      return { folder: known ?? { stamp: "", isSettled: false, files: [], folders: [] }, hasChanged: false };
    }
    this.#folders.set(name, folder);
    return { folder, hasChanged: known === undefined || !isSameListing(known, folder) };
  }

  /** Of the root when `folderName` is "". */
  #sort(folderName: string, entries: readonly Dirent[]): { readonly files: ListedFile[]; readonly folders: string[] } {
    const files: ListedFile[] = [];
    const folders: string[] = [];
    for (const entry of entries) {
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) {
        if (folderName === "") folders.push(entry.name);
        continue;
      }
      const file = this.#listed(folderName, entry);
      if (file !== null) files.push(file);
    }
    return { files: files.sort(byFilename), folders: folders.sort() };
  }

  #listed(folderName: string, entry: Dirent): ListedFile | null {
    const project = folderName === "" ? null : normaliseName(folderName);
    const parsed = parseDistributionName(entry.name, project);
    if (parsed === null || parsed.kind === "other") return null;
    const path = join(this.#dir, folderName, entry.name);
    if (project !== null && parsed.project !== project) {
      this.#tell(`${path} is passed over: in a folder "${folderName}" only files of that project count`);
      return null;
    }
    const resolved = entry.isFile() ? path : entry.isSymbolicLink() ? this.#resolve(path) : null;
    if (resolved === null) return null;
    const isZip = parsed.kind === "wheel" || entry.name.toLowerCase().endsWith(".zip");
    return { filename: entry.name, path: resolved, project: parsed.project, isZip };
  }

  /** A link may point within the folder; one that leads outside would hand out any file of this machine. */
  #resolve(path: string): string | null {
    try {
      const target = realpathSync(path);
      if (target.startsWith(this.#dir + (this.#dir.endsWith(sep) ? "" : sep)) && statSync(target).isFile()) return target;
      this.#tell(`${path} is passed over: it links to something outside of the folder, or to no file`);
    } catch (error) {
      this.#tell(`${path} is passed over: ${(error as Error).message}`);
    }
    return null;
  }

  /** The folder itself first, then its sub-folders by name: the first file of a name counts. */
  #merge(): Map<string, ListedFile[]> {
    const projects = new Map<string, ListedFile[]>();
    const known = new Set<string>();
    for (const name of [...this.#folders.keys()].sort()) {
      for (const file of this.#folders.get(name)!.files) {
        if (known.has(file.filename)) {
          this.#tell(`${file.path} is passed over: the folder has another file of that name`);
          continue;
        }
        known.add(file.filename);
        const files = projects.get(file.project);
        if (files === undefined) projects.set(file.project, [file]);
        else files.push(file);
      }
    }
    for (const files of projects.values()) files.sort(byFilename);
    return projects;
  }

  /** Once each: the folder is looked at every second. */
  #tell(message: string): void {
    if (this.#told.has(message) || this.#told.size >= TOLD_MAX) return;
    this.#told.add(message);
    this.#log("warn", message);
  }
}

function byFilename(one: ListedFile, other: ListedFile): number {
  return one.filename < other.filename ? -1 : 1;
}

function isSameListing(one: ReadFolder, other: ReadFolder): boolean {
  const paths = (folder: ReadFolder) => [...folder.files.map(({ path }) => path), "", ...folder.folders].join("\0");
  return paths(one) === paths(other);
}
