/**
 * Watch: tells when the sources of a running server have changed, for dev.
 * One call for a burst of changes: editors write a file in several steps, and
 * a checkout writes hundreds. Which functions changed is not decided here:
 * a reload compares what it finds.
 */
import { statSync } from "node:fs";
import { basename, dirname, extname, join, sep } from "node:path";
import type { Config } from "../config/config.ts";

const DEBOUNCE_MS = 50;
const FUNCTIONS_FOLDER = "functions";
const PROJECT_FILES = ["pilotlight.yaml", ".env"];
const NOT_CODE = new Set([".log", ".http", ".md"]);
/** Beside a single file lie its modules, but it may also lie in somebody's home folder. */
const DEPTH_OF_FILE = 2;

export interface Watch {
  close(): Promise<void>;
}

/** Resolves when changes from now on are noticed; null when the source has no files. */
export async function watchSource(config: Config, onChange: () => void): Promise<Watch | null> {
  const { source } = config;
  if (source.kind === "eval") return null;
  const root = source.kind === "file" ? dirname(source.path) : source.path;
  const { watch } = await import("chokidar");
  const watcher = watch([root, ...projectFilesBeside(root)], {
    ignoreInitial: true,
    ignored: (path) => isIgnored(path, root, config.dataDir),
    ...(source.kind === "file" ? { depth: DEPTH_OF_FILE } : {}),
  });
  let timer: NodeJS.Timeout | null = null;
  watcher.on("all", (event, path) => {
    if (isBesideThePoint(event, path)) return;
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(onChange, DEBOUNCE_MS);
  });
  // A folder that may not be read: the rest is still watched.
  watcher.on("error", () => {});
  await new Promise<void>((resolve) => watcher.once("ready", resolve));
  return {
    async close() {
      if (timer !== null) clearTimeout(timer);
      await watcher.close();
    },
  };
}

/**
 * Files that no function is made of. The log of `dev > out` may lie here: a
 * reload for each line that a reload logs would never end.
 */
function isBesideThePoint(event: string, path: string): boolean {
  if (event !== "add" && event !== "change") return false;
  const extension = extname(path);
  if (extension !== "") return NOT_CODE.has(extension);
  return basename(path) !== ".env" && ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o111) === 0;
}

/** A project keeps its functions in a folder of that name, and its settings beside it; they may come later. */
function projectFilesBeside(root: string): string[] {
  return basename(root) === FUNCTIONS_FOLDER ? PROJECT_FILES.map((name) => join(dirname(root), name)) : [];
}

/** The data folder changes with every build; node_modules and hidden folders are not edited by hand. */
function isIgnored(path: string, root: string, dataDir: string): boolean {
  if (!path.startsWith(root)) return false;
  if (path === dataDir || path.startsWith(dataDir + sep)) return true;
  const parts = path.slice(join(root, sep).length).split(sep);
  return parts.some((part) => part === "node_modules" || (part.startsWith(".") && part !== ".env"));
}
