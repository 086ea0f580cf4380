/**
 * Shared folders: what `allow.dir` gives a WebAssembly function, "HOST::GUEST"
 * and ":rw" behind it where it may change the folder. Imports next to nothing:
 * the first worker is forked by it.
 */
import { dirname, resolve } from "node:path";
import type { Config } from "../config/config.ts";
import type { SharedFolder } from "../engines/engine.ts";

/** Relative ones lie beside the functions. */
export function foldersOf(dirs: readonly string[], source: Config["source"]): SharedFolder[] {
  const base = source.kind === "eval" ? process.cwd() : source.kind === "file" ? dirname(source.path) : source.path;
  return dirs.map((text) => {
    const [hostPath = "", rest = ""] = text.split("::");
    const [guestName = "", access = "ro"] = rest.split(":");
    return { hostPath: resolve(base, hostPath), guestName, isWritable: access === "rw" };
  });
}

/** Known before there is a deployment; a build has its functions' settings in itself, and is seen to later. */
export function writableFoldersIn({ functions, source }: Pick<Config, "functions" | "source">): string[] {
  const dirs = Object.values(functions).flatMap(({ allow }) => allow?.dir ?? []);
  return [...new Set(foldersOf(dirs, source).flatMap(({ hostPath, isWritable }) => (isWritable ? hostPath : [])))];
}
