/**
 * Source: what PATH means. A folder of functions, one function file, a
 * pilotlight.yaml, or what `pilotlight build` made; and which pilotlight.yaml
 * goes with it. A folder with a folder `functions` in it is a project: its
 * functions are there, its pilotlight.yaml beside them.
 */
import { closeSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { Source } from "./config.ts";

export const CONFIG_FILE_NAME = "pilotlight.yaml";
/** The name that Aetherless' command line looks for. */
export const AETHERLESS_FILE_NAME = "aetherless.yaml";
export const BUILD_MANIFEST_NAME = "manifest.json";

export interface FoundSource {
  readonly source: Source;
  /** Absolute; null when there is none. */
  readonly configFile: string | null;
}

/** What a folder of some other project has. Published by mistake, each of its code files would be a route. */
const FOREIGN_SIGNS = ["package.json", ".git", "src"];

/** `path` null looks in `cwd`: the project there, or the folder itself unless it is some other project. */
export function findSource(path: string | null, cwd: string): Result<FoundSource> {
  // Of a script whose variable is not set: nobody meant the folder that it happens to be in.
  if (path === "") {
    return fail({
      code: "SOURCE_MISSING",
      message: 'Cannot serve "": the path is empty',
      hint: 'Is a variable not set that stands there? The folder here is "."',
    });
  }
  const absolute = resolve(cwd, path ?? ".");
  const stats = statOrNull(absolute);
  if (stats === null) {
    return fail({
      code: "SOURCE_MISSING",
      message: `Cannot serve ${path ?? absolute}: no such file or folder`,
      hint: "Give a folder of functions, a function file or a pilotlight.yaml; `pilotlight init NAME` makes a project",
    });
  }
  if (stats.isDirectory()) {
    const found = inFolder(absolute);
    const aetherless = path === null ? aetherlessIn(found, absolute) : null;
    if (aetherless !== null) return ok({ ...found, configFile: aetherless });
    const sign = path === null ? foreignSign(found, absolute) : null;
    return sign === null ? ok(found) : fail(noProject(absolute, sign));
  }
  if ([".yaml", ".yml"].includes(extname(absolute))) return ok({ source: inFolder(dirname(absolute)).source, configFile: absolute });
  if (stats.isFile() && mayBeCode(absolute, stats)) return ok({ source: { kind: "file", path: absolute }, configFile: null });
  if (stats.isFile()) {
    return fail({
      code: "SOURCE_NOT_CODE",
      message: `Cannot serve ${path}: it is no function file`,
      hint: "Functions are .ts, .tsx, .js, .jsx, .mts, .mjs and .wasm files, and executables",
    });
  }
  return fail({
    code: "SOURCE_MISSING",
    message: `Cannot serve ${path}: it is neither a file nor a folder`,
    hint: "Give a folder of functions or a function file",
  });
}

/** Where nothing is ours, an aetherless.yaml is the project; its functions are listed there. */
function aetherlessIn({ source, configFile }: FoundSource, folder: string): string | null {
  if (configFile !== null || source.kind !== "folder" || source.path !== folder) return null;
  return existing(join(folder, AETHERLESS_FILE_NAME));
}

function foreignSign({ source, configFile }: FoundSource, folder: string): string | null {
  if (configFile !== null || source.kind !== "folder" || source.path !== folder) return null;
  return FOREIGN_SIGNS.find((name) => statOrNull(join(folder, name)) !== null) ?? null;
}

function noProject(folder: string, sign: string): Failure {
  return {
    code: "SOURCE_NOT_PROJECT",
    message: `No PATH is given, and ${folder} is no project: it has ${sign}, but neither a folder functions nor a ${CONFIG_FILE_NAME}`,
    hint: 'Give the folder of functions as PATH ("." is this one), or begin a project with `pilotlight init NAME`',
  };
}

/** Any name that code may have: which engine takes it, if one does, is not decided here. */
function mayBeCode(file: string, stats: Stats): boolean {
  return /\.(?:[cm]?[jt]s|[jt]sx|wasm)$/.test(file) || (stats.mode & 0o111) !== 0;
}

function inFolder(folder: string): FoundSource {
  const own = existing(join(folder, CONFIG_FILE_NAME));
  // Settings of the whole server are not built in: a build beside its project is served with the project's.
  if (isBuilt(folder))
    return { source: { kind: "built", path: folder }, configFile: own ?? existing(join(dirname(folder), CONFIG_FILE_NAME)) };
  const functions = join(folder, "functions");
  if (statOrNull(functions)?.isDirectory()) return { source: { kind: "folder", path: functions }, configFile: own };
  // `serve functions` inside a project means the same as `serve`.
  const beside = basename(folder) === "functions" ? existing(join(dirname(folder), CONFIG_FILE_NAME)) : null;
  return { source: { kind: "folder", path: folder }, configFile: own ?? beside };
}

/** Reads the beginning only: the marks are the manifest's first keys, and a foreign manifest.json may be of any size. */
export function isBuilt(folder: string): boolean {
  const file = join(folder, BUILD_MANIFEST_NAME);
  if (!statOrNull(file)?.isFile()) return false;
  const head = Buffer.alloc(256);
  const descriptor = openSync(file, "r");
  try {
    const length = readSync(descriptor, head, 0, head.length, 0);
    const text = head.toString("utf8", 0, length);
    return /"format"\s*:/.test(text) && /"guestHash"\s*:/.test(text);
  } finally {
    closeSync(descriptor);
  }
}

function existing(file: string): string | null {
  return statOrNull(file)?.isFile() ? file : null;
}

/** Null when it does not exist or may not be looked at: to the reader of a message both mean "not there". */
export function statOrNull(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}
