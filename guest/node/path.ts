/**
 * node:path, POSIX rules only: a sandbox has no drives and no folders of its
 * own, its working directory is "/".
 */
import { argumentError } from "./argument-error.ts";

export const sep = "/";
export const delimiter = ":";

interface ParsedPath {
  root: string;
  dir: string;
  base: string;
  ext: string;
  name: string;
}

export function normalize(path: string): string {
  const text = requireText(path, "path");
  if (text === "") return ".";
  const absolute = text.startsWith("/");
  const normal = fold(text, absolute);
  if (normal === "") return absolute ? "/" : text.endsWith("/") ? "./" : ".";
  return `${absolute ? "/" : ""}${normal}${text.endsWith("/") ? "/" : ""}`;
}

export function join(...paths: string[]): string {
  const joined = paths
    .map((path) => requireText(path, "path"))
    .filter((path) => path !== "")
    .join("/");
  return joined === "" ? "." : normalize(joined);
}

export function resolve(...paths: string[]): string {
  let resolved = "";
  for (const path of ["/", ...paths].reverse()) {
    if (requireText(path, "path") === "") continue;
    resolved = resolved === "" ? path : `${path}/${resolved}`;
    if (path.startsWith("/")) break;
  }
  return `/${fold(resolved, true)}`;
}

export function isAbsolute(path: string): boolean {
  return requireText(path, "path").startsWith("/");
}

export function relative(from: string, to: string): string {
  const [source, target] = [resolve(from), resolve(to)].map((path) => path.split("/").filter((segment) => segment !== "")) as [
    string[],
    string[],
  ];
  let shared = 0;
  while (shared < source.length && shared < target.length && source[shared] === target[shared]) shared++;
  return [...source.slice(shared).map(() => ".."), ...target.slice(shared)].join("/");
}

export function dirname(path: string): string {
  const trimmed = withoutTrailingSlashes(requireText(path, "path"));
  const at = trimmed.lastIndexOf("/");
  if (at <= 0) return path.startsWith("/") ? "/" : ".";
  return at === 1 && path.startsWith("/") ? "//" : trimmed.slice(0, at);
}

export function basename(path: string, suffix = ""): string {
  const trimmed = withoutTrailingSlashes(requireText(path, "path"));
  if (requireText(suffix, "suffix") === path) return "";
  const base = trimmed.slice(trimmed.lastIndexOf("/") + 1);
  return suffix !== "" && base !== suffix && base.endsWith(suffix) ? base.slice(0, -suffix.length) : base;
}

export function extname(path: string): string {
  const base = basename(path);
  const at = base.lastIndexOf(".");
  // A leading dot hides a file; ".." is no file at all.
  return at <= 0 || base === ".." ? "" : base.slice(at);
}

export function parse(path: string): ParsedPath {
  const trimmed = withoutTrailingSlashes(requireText(path, "path"));
  const root = path.startsWith("/") ? "/" : "";
  const base = basename(path);
  const ext = extname(path);
  return {
    root,
    dir: trimmed.slice(0, Math.max(0, trimmed.lastIndexOf("/"))) || root,
    base,
    ext,
    name: ext === "" ? base : base.slice(0, -ext.length),
  };
}

export function format({ root = "", dir = root, base, name = "", ext = "" }: Partial<ParsedPath>): string {
  const file = base || `${name}${ext === "" || ext.startsWith(".") ? ext : `.${ext}`}`;
  if (dir === "") return file;
  return dir === root ? `${dir}${file}` : `${dir}/${file}`;
}

export function toNamespacedPath(path: string): string {
  return path;
}

/** Segments without "." and with ".." taken back. */
function fold(path: string, absolute: boolean): string {
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment !== "..") kept.push(segment);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!absolute) kept.push("..");
  }
  return kept.join("/");
}

function withoutTrailingSlashes(path: string): string {
  return path.replace(/\/+$/, "");
}

function requireText(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw argumentError(name, "string", value);
}

const path = {
  basename,
  delimiter,
  dirname,
  extname,
  format,
  isAbsolute,
  join,
  normalize,
  parse,
  relative,
  resolve,
  sep,
  toNamespacedPath,
};
export const posix = Object.assign(path, { posix: path });
export default path;
