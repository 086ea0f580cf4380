/**
 * Executable: the "bundle" of a process function: its own file, as it lies
 * there. Nothing is built; what tells one version from the next is the file's
 * stamp, and in `dev` every reload counts as a change: what a script imports is
 * not known here.
 */
import { readFile } from "node:fs/promises";
import { stampOfPath } from "../base/file-stamp.ts";
import { sha256 } from "../base/sha256.ts";
import type { Config } from "../config/config.ts";
import type { BundleRef } from "./function-spec.ts";

/** Of one that goes into a build: what lies in a build never changes in place, so its content tells. */
export async function contentRef(file: string): Promise<BundleRef> {
  return refOf(file, sha256(await readFile(file)));
}

export function executableRef(file: string, mode: Config["mode"], version: number): BundleRef {
  const identity = [file, stampOfPath(file), ...(mode === "dev" ? [version] : [])].join("\n");
  return refOf(file, sha256(identity));
}

/** It stands for the files that it does not have. */
function refOf(file: string, hash: string): BundleRef {
  return { hash, codeFile: file, mapFile: file, codeCacheFile: file, methods: null, tracksAsyncContext: false };
}
