/**
 * Watching for `dev`: calls back once when saving has come to rest. Watches
 * folders that hold sources; what tools write (caches, builds, dependencies)
 * and hidden files are left out, so that our own cache does not wake us.
 */
import { basename } from "node:path";
import { watch } from "chokidar";

/** An editor writes a file in several steps, and "save all" several files. */
const REST_MS = 40;
const LEFT_OUT = new Set(["node_modules", "dist"]);

export interface Watching {
  close(): Promise<void>;
}

/** `paths` are absolute; `onChange` gets the paths changed since the last call. */
export function watchSources(paths: readonly string[], onChange: (changed: readonly string[]) => void): Watching {
  let timer: NodeJS.Timeout | undefined;
  let changed = new Set<string>();
  const roots = new Set(paths);
  const watcher = watch([...paths], {
    ignoreInitial: true,
    // What was asked for is watched, wherever it lies.
    ignored: (path) => !roots.has(path) && (LEFT_OUT.has(basename(path)) || basename(path).startsWith(".")),
  });
  watcher.on("all", (_event, path) => {
    changed.add(path);
    clearTimeout(timer);
    timer = setTimeout(() => {
      const settled = [...changed];
      changed = new Set();
      onChange(settled);
    }, REST_MS);
  });
  return {
    close() {
      clearTimeout(timer);
      return watcher.close();
    },
  };
}
