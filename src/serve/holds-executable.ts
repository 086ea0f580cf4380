/**
 * Holds executable: whether a source is likely to have process functions,
 * asked before anything of it is read. Wrong either way costs time, not
 * safety: workers with rights they lack are replaced, and those of a project
 * whose only executable turns out to be none have them for nothing.
 * On the path from spawn to the first answer: looks at names, and at the mode
 * of the few whose names say nothing.
 */
import { type Dirent, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { Config } from "../config/config.ts";
import { engineByName, isHidden } from "./route-pattern.ts";

/** A larger folder is left to the deployment: looking would take longer than a worker's second start. */
const ENTRIES_MAX_COUNT = 2_000;
const MAX_DEPTH = 8;

export function holdsExecutable({ source, functions }: Pick<Config, "source" | "functions">): boolean {
  const isNamed = Object.values(functions).some(
    ({ engine, process, source }) => engine === "process" || process !== undefined || (source !== undefined && isUnknown(source)),
  );
  if (isNamed) return true;
  if (source.kind === "file") return isUnknown(source.path);
  return source.kind === "folder" && look(source.path);
}

function isUnknown(path: string): boolean {
  return engineByName(basename(path)) === "unknown";
}

function look(root: string): boolean {
  const folders: { readonly path: string; readonly depth: number }[] = [{ path: root, depth: 0 }];
  let left = ENTRIES_MAX_COUNT;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of entriesOf(folder.path)) {
      if (isHidden(entry.name)) continue;
      if (left-- === 0) return false;
      const path = join(folder.path, entry.name);
      if (entry.isDirectory() && folder.depth < MAX_DEPTH) folders.push({ path, depth: folder.depth + 1 });
      else if (!entry.isDirectory() && engineByName(entry.name) === "unknown" && isMarkedExecutable(path)) return true;
    }
  }
  return false;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // Whoever reads it in earnest tells why it can't be.
    return [];
  }
}

function isMarkedExecutable(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true && (stats.mode & 0o111) !== 0;
}
