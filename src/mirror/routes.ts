/**
 * Routes: what a path of the mirror means. Pure. `/simple/` and `/index/` are
 * the same; names that are not normalised and forms without their slash are
 * sent on by relative addresses, so that the mirror works under any prefix
 * that a proxy in front of it takes away.
 */

import { isProjectName, normaliseName } from "../base/project-name.ts";
import { ARTIFACT_SUFFIX, type ArtifactKind } from "./artifact.ts";
import { isFileName } from "./simple/distribution-name.ts";

export type Route =
  | { readonly kind: "home" }
  | { readonly kind: "health" }
  | { readonly kind: "metrics" }
  | { readonly kind: "list" }
  | { readonly kind: "page"; readonly project: string }
  | {
      readonly kind: "file";
      readonly project: string;
      readonly filename: string /** Without the suffix of its kind. */;
      readonly base: string;
      readonly artifact: ArtifactKind;
    }
  | { readonly kind: "explain"; readonly project: string }
  | { readonly kind: "explain-many" }
  | { readonly kind: "savings" }
  | { readonly kind: "drop"; readonly what: "list" | { readonly project: string; readonly filename: string | null } }
  /** `location` is relative to the path asked for. */
  | { readonly kind: "redirect"; readonly location: string }
  | { readonly kind: "not-found" }
  | { readonly kind: "bad-path" };

const NOT_FOUND: Route = { kind: "not-found" };
const SUFFIXED = (Object.keys(ARTIFACT_SUFFIX) as ArtifactKind[]).filter((kind) => ARTIFACT_SUFFIX[kind] !== "");

/** `path` begins with a slash and has no query. */
export function routeOf(path: string): Route {
  const parts = decoded(path);
  if (parts === null) return { kind: "bad-path" };
  const [first = "", ...rest] = parts;
  switch (first) {
    case "":
      return rest.length === 0 ? { kind: "home" } : NOT_FOUND;
    case "simple":
    case "index":
      return simpleRoute(first, rest);
    case "cache":
      return dropRoute(rest);
    case "explain":
      return explainRoute(rest);
    case "health":
    case "metrics":
    case "savings":
      return rest.length === 0 ? { kind: first } : NOT_FOUND;
    default:
      return NOT_FOUND;
  }
}

function simpleRoute(root: string, [name, file, ...rest]: readonly string[]): Route {
  if (name === undefined) return { kind: "redirect", location: `${root}/` };
  if (name === "" && file === undefined) return { kind: "list" };
  if (!isProjectName(name) || rest.length > 0) return NOT_FOUND;
  const project = normaliseName(name);
  if (file === undefined) return { kind: "redirect", location: `${project}/` };
  if (file === "") return project === name ? { kind: "page", project } : { kind: "redirect", location: `../${project}/` };
  if (!isFileName(file)) return NOT_FOUND;
  return project === name ? fileRoute(project, file) : { kind: "redirect", location: `../${project}/${encodeURIComponent(file)}` };
}

function fileRoute(project: string, filename: string): Route {
  const artifact = SUFFIXED.find((kind) => filename.endsWith(ARTIFACT_SUFFIX[kind])) ?? "file";
  return { kind: "file", project, filename, base: filename.slice(0, filename.length - ARTIFACT_SUFFIX[artifact].length), artifact };
}

function dropRoute([name, file, ...rest]: readonly string[]): Route {
  if (name === "list" && file === undefined) return { kind: "drop", what: "list" };
  if (name === undefined || !isProjectName(name) || rest.length > 0) return NOT_FOUND;
  // A trailing slash names the project all the same.
  const filename = file === undefined || file === "" ? null : file;
  if (filename !== null && !isFileName(filename)) return NOT_FOUND;
  return { kind: "drop", what: { project: normaliseName(name), filename } };
}

function explainRoute([name, ...rest]: readonly string[]): Route {
  if (name === undefined || name === "") return rest.length === 0 ? { kind: "explain-many" } : NOT_FOUND;
  const isWhole = rest.length === 0 || (rest.length === 1 && rest[0] === "");
  return isWhole && isProjectName(name) ? { kind: "explain", project: normaliseName(name) } : NOT_FOUND;
}

/** Each part decoded by itself: an encoded slash never makes a part of its own. Null for what is no UTF-8. */
function decoded(path: string): string[] | null {
  const parts = path.slice(1).split("/");
  if (!path.includes("%")) return parts;
  try {
    return parts.map(decodeURIComponent);
  } catch {
    return null;
  }
}
