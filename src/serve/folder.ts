/**
 * Folder: which files of a source are functions. Reads names and file modes,
 * and the first bytes of executables, never the code: a thousand functions are
 * listed in some milliseconds. The rules of names are in route-pattern.ts.
 */
import { constants, type Dirent } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { EngineName, Source } from "../config/config.ts";
import { BUILD_MANIFEST_NAME, isBuilt } from "../config/source.ts";
import { engineByName, idOf, isHidden, routeOf } from "./route-pattern.ts";

export interface FoundFunction {
  /** Unique in the folder: the path without extension, or with it when two files differ in nothing else. */
  readonly id: string;
  readonly route: string;
  readonly engine: EngineName;
  /** Absolute; "" for -e. */
  readonly file: string;
}

const MAX_DEPTH = 32;

/**
 * Functions in order of their ids. Throws the file system's error when the
 * source can't be read. The data folder and builds may lie in the source: what
 * is kept there is code too, but nobody's function.
 */
export async function scanFolder(source: Exclude<Source, { kind: "built" }>, dataDir: string): Promise<FoundFunction[]> {
  if (source.kind === "listed") return [];
  if (source.kind === "eval") return [{ id: "main", route: "/*", engine: "javascript", file: "" }];
  if (source.kind === "file") return [{ ...functionAt(source.path, idOf(basename(source.path))), route: "/*" }];
  const files: FoundFile[] = [];
  const kept = await realpath(dataDir).catch(() => dataDir);
  await collect(source.path, "", new Set([kept]), files);
  return nameThem(files);
}

/** A file named by somebody is a function, whatever a folder would make of it. */
export function functionAt(file: string, id: string): FoundFunction {
  const named = engineByName(basename(file));
  const engine = named === "none" ? "javascript" : named === "unknown" ? "process" : named;
  return { id, route: routeOf(id), engine, file };
}

interface FoundFile {
  readonly relativePath: string;
  readonly file: string;
  readonly engine: EngineName;
}

async function collect(folder: string, prefix: string, entered: Set<string>, files: FoundFile[]): Promise<void> {
  // A link may lead back up; each real folder is read once.
  const real = await realpath(folder);
  if (entered.has(real) || prefix.split("/").length > MAX_DEPTH) return;
  entered.add(real);
  const entries = await readdir(folder, { withFileTypes: true });
  if (entries.some((entry) => entry.name === BUILD_MANIFEST_NAME) && isBuilt(folder)) return;
  for (const entry of entries) {
    if (isHidden(entry.name)) continue;
    const file = join(folder, entry.name);
    const kind = await kindOf(entry, file);
    if (kind === "folder") await collect(file, `${prefix}${entry.name}/`, entered, files);
    if (kind !== "file") continue;
    const named = engineByName(entry.name);
    const engine = named === "unknown" && (await isExecutable(file)) ? "process" : named;
    if (engine !== "none" && engine !== "unknown") files.push({ relativePath: prefix + entry.name, file, engine });
  }
}

async function kindOf(entry: Dirent, file: string): Promise<"file" | "folder" | "other"> {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  if (!entry.isSymbolicLink()) return "other";
  const target = await stat(file).catch(() => null);
  return target?.isFile() ? "file" : target?.isDirectory() ? "folder" : "other";
}

/**
 * The mode alone proves little: shared and mounted folders mark every file
 * executable. So the content must also begin like a program.
 */
async function isExecutable(file: string): Promise<boolean> {
  const found = await stat(file);
  if ((found.mode & 0o111) === 0) return false;
  // A FIFO put in its place meanwhile must not keep us.
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    const head = buffer.subarray(0, bytesRead).toString("latin1");
    return head.startsWith("#!") || head === "\x7fELF" || head === "\xcf\xfa\xed\xfe" || head === "\xca\xfe\xba\xbe";
  } finally {
    await handle.close();
  }
}

function nameThem(files: readonly FoundFile[]): FoundFunction[] {
  const count = new Map<string, number>();
  for (const { relativePath } of files) count.set(idOf(relativePath), (count.get(idOf(relativePath)) ?? 0) + 1);
  return files
    .map(({ relativePath, file, engine }) => {
      const stem = idOf(relativePath);
      const id = count.get(stem) === 1 ? stem : relativePath;
      return { id, route: routeOf(stem), engine, file };
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}
