/**
 * Route patterns: from a file's place in the folder to the route it owns, and
 * the rules of what is a function at all. Pure: folder.ts reads the disk and
 * router.ts matches requests by the same patterns.
 *   hello.ts -> /hello   index.ts -> /   api/[id].ts -> /api/:id   files/[...path].ts -> /files/*
 */
import type { EngineName } from "../config/config.ts";

export type RouteSegment =
  | { readonly kind: "static"; readonly text: string }
  | { readonly kind: "param"; readonly name: string }
  | { readonly kind: "rest" };

const SCRIPT = /\.[cm]?[jt]sx?$/;
const NOT_A_FUNCTION = /(?:\.d\.[cm]?ts|\.(?:test|spec|config)\.[cm]?[jt]sx?)$/;

/** Engine of a file by its name; "unknown" may still be an executable. */
export function engineByName(fileName: string): EngineName | "none" | "unknown" {
  if (isHidden(fileName) || NOT_A_FUNCTION.test(fileName)) return "none";
  if (SCRIPT.test(fileName)) return "javascript";
  if (fileName.endsWith(".wasm")) return "wasm";
  if (/\.(?:http|json|md|map|yaml|yml|txt|html|css|lock)$/.test(fileName)) return "none";
  return "unknown";
}

/** `_modules`, `.git` and installed packages hold no functions. */
export function isHidden(name: string): boolean {
  return name.startsWith("_") || name.startsWith(".") || name === "node_modules";
}

/** "api/users/[id].ts" -> "api/users/[id]". An executable may lack an extension. */
export function idOf(relativePath: string): string {
  return relativePath.replace(/(?<=[^/])\.[^./]+$/, "");
}

/** "api/users/[id]" -> "/api/users/:id". */
export function routeOf(id: string): string {
  const segments = id.split("/");
  if (segments.at(-1) === "index") segments.pop();
  return `/${segments.map(routeSegment).join("/")}`;
}

function routeSegment(name: string): string {
  if (/^\[\.\.\..+\]$/.test(name)) return "*";
  const parameter = /^\[(.+)\]$/.exec(name);
  return parameter === null ? encodeSegment(name) : `:${parameter[1]}`;
}

/** Name of the `[...path]` parameter that an id ends with; null when it has none. */
export function restNameOf(id: string): string | null {
  return /\[\.\.\.([^/\]]+)\]$/.exec(id)?.[1] ?? null;
}

/** A slash at the end is dropped; the router tolerates one in requests anyway. */
export function parsePattern(pattern: string): readonly RouteSegment[] {
  return pattern
    .split("/")
    .slice(1)
    .filter((text, index, all) => text !== "" || index < all.length - 1)
    .map((text) => {
      if (text === "*") return { kind: "rest" };
      if (text.startsWith(":")) return { kind: "param", name: text.slice(1) };
      return { kind: "static", text: decodeSegment(text) ?? text };
    });
}

/** Why a pattern is refused, as a phrase that follows "the route"; null when it is good. */
export function patternFault(pattern: string): string | null {
  if (!pattern.startsWith("/")) return "must begin with /";
  if (/[?#\s]/.test(pattern)) return "must be a path without ?, # or spaces";
  const segments = parsePattern(pattern);
  const names = new Set<string>();
  for (const [index, segment] of segments.entries()) {
    if (segment.kind === "rest" && index < segments.length - 1) return "may have * (or [...name]) only at its end";
    if (segment.kind === "static" && segment.text === "") return "has an empty segment";
    if (segment.kind === "static" && segment.text.includes("*")) return "may have * only as a whole segment";
    if (segment.kind !== "param") continue;
    // "__proto__" would not become a property of the parameters.
    if (!/^[A-Za-z$][\w$-]*$/.test(segment.name))
      return `has a parameter named ${JSON.stringify(segment.name)}: use letters, digits, - and _`;
    if (names.has(segment.name)) return `has the parameter ${segment.name} twice`;
    names.add(segment.name);
  }
  return null;
}

/** Equal for patterns that match the same paths: "/a/:x" and "/a/:y". */
export function patternShape(pattern: string): string {
  return parsePattern(pattern)
    .map((segment) => (segment.kind === "static" ? `/${encodeSegment(segment.text)}` : segment.kind === "param" ? "/:" : "/*"))
    .join("");
}

/** As browsers send it: what a path segment may hold stays, the rest is percent-encoded. */
export function encodeSegment(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(/%(?:21|24|26|27|28|29|2B|2C|3B|3D|3A|40)/g, decodeURIComponent);
}

/** Null when the text is not valid percent-encoding of UTF-8. */
export function decodeSegment(text: string): string | null {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
