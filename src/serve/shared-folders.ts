/**
 * Shared folders: what `allow.dir` gives a WebAssembly function, "HOST::GUEST"
 * and ":rw" behind it where it may change the folder. Imports next to nothing:
 * the first worker is forked by it.
 */
import type { Config } from "../config/config.ts";
import type { SharedFolder } from "../engines/engine.ts";

/** Paths are absolute: they start at the folder of the configuration that names them. */
export function foldersOf(dirs: readonly string[]): SharedFolder[] {
  return dirs.map((text) => {
    const [hostPath = "", rest = ""] = text.split("::");
    const [guestName = "", access = "ro"] = rest.split(":");
    return { hostPath, guestName, isWritable: access === "rw" };
  });
}

/** Known before there is a deployment; a build has its functions' settings in itself, and is seen to later. */
export function writableFoldersIn({ functions }: Pick<Config, "functions">): string[] {
  const dirs = Object.values(functions).flatMap(({ allow }) => allow?.dir ?? []);
  return [...new Set(foldersOf(dirs).flatMap(({ hostPath, isWritable }) => (isWritable ? hostPath : [])))];
}
