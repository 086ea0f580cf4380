/**
 * Node modules inside the sandbox: which exist. Each is a file of guest/node/,
 * plain JavaScript without any reach outside; a module that would need the host
 * (fs, net, child_process …) is absent on purpose and fails the build.
 */
import { isBuiltin } from "node:module";
import { guestFile } from "../../base/package-files.ts";

/** Names without `node:`. "path/posix" lies in guest/node/path-posix.ts. */
const STAND_INS: ReadonlySet<string> = new Set([
  "assert",
  "assert/strict",
  "async_hooks",
  "buffer",
  "events",
  "path",
  "path/posix",
  "process",
  "querystring",
  "url",
  "util",
  "util/types",
]);

/** Importing this one makes the bundler lower async functions, so that promises carry the context. */
export const ASYNC_CONTEXT_MODULE = "async_hooks";

/** The bundler's filter. `buffer/` with a slash is not Node's: npm code asks so for the package of that name. */
export const STAND_IN_FILTER = new RegExp(`^(?:node:)?(?:${[...STAND_INS].join("|")})$`);

/** "node:buffer", "buffer" -> "buffer". */
export function bareName(specifier: string): string {
  return specifier.replace(/^node:/, "");
}

/** Absolute file of a module of the table. */
export function standInFile(specifier: string): string {
  return guestFile(`node/${bareName(specifier).replaceAll(/[_/]/g, "-")}`);
}

/** For messages: "node:assert, node:buffer, …". */
export function listStandIns(): string {
  return [...STAND_INS].map((name) => `node:${name}`).join(", ");
}

/** A module that Node has and the sandbox has not. */
export function isMissingNodeModule(specifier: string): boolean {
  return isBuiltin(specifier) && !STAND_INS.has(bareName(specifier));
}
