/**
 * Executable: the "bundle" of a process function: its own file, as it lies
 * there. Nothing is built; what tells one version from the next is the file's
 * stamp, and in `dev` every reload counts as a change: what a script imports is
 * not known here.
 */
import { stampOfPath } from "../base/file-stamp.ts";
import { sha256 } from "../base/sha256.ts";
import type { Config } from "../config/config.ts";
import type { BundleRef } from "./function-spec.ts";

export function executableRef(file: string, mode: Config["mode"], version: number): BundleRef {
  const identity = [file, stampOfPath(file), ...(mode === "dev" ? [version] : [])].join("\n");
  return { hash: sha256(identity), codeFile: file, mapFile: "", codeCacheFile: "", methods: null, tracksAsyncContext: false };
}
