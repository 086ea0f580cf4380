/**
 * Node modules inside the sandbox: which exist, and what stands in for each.
 * All stand-ins are plain JavaScript without any reach outside; a module that
 * would need the host (fs, net, child_process …) is absent on purpose and
 * fails the build. guest/node/ has priority over unenv wherever unenv throws
 * "not implemented" for something that packages really call.
 */
import { existsSync } from "node:fs";
import { isBuiltin } from "node:module";
import { fileURLToPath } from "node:url";
import { guestFile } from "./guest-files.ts";

/** Module name without `node:` -> unenv's polyfill, or null where only guest/node/ has one. */
const STAND_INS: Readonly<Record<string, string | null>> = {
  assert: null,
  "assert/strict": null,
  async_hooks: "unenv/runtime/node/async_hooks/index",
  buffer: "unenv/runtime/node/buffer/index",
  events: "unenv/runtime/node/events/index",
  path: "unenv/runtime/node/path/index",
  "path/posix": "unenv/runtime/node/path/index",
  process: "unenv/runtime/node/process/index",
  querystring: null,
  url: "unenv/runtime/node/url/index",
  util: "unenv/runtime/node/util/index",
  "util/types": "unenv/runtime/node/util/types/index",
};

/** Importing this one makes the bundler lower async functions, so that promises carry the context. */
export const ASYNC_CONTEXT_MODULE = "async_hooks";

/** The bundler's filter: exactly the names of the table. `buffer/` with a slash is how npm code asks for the package of that name. */
export const STAND_IN_FILTER = new RegExp(`^(?:node:)?(?:${Object.keys(STAND_INS).join("|")})$`);

/** "node:buffer", "buffer" -> "buffer". */
export function bareName(specifier: string): string {
  return specifier.replace(/^node:/, "");
}

/** Absolute file that stands in for a module of the table; null when there is none. */
export function standInFile(specifier: string): string | null {
  const name = bareName(specifier);
  if (!Object.hasOwn(STAND_INS, name)) return null;
  const own = guestFile(`node/${name.replaceAll(/[_/]/g, "-")}`);
  if (existsSync(own)) return own;
  const polyfill = STAND_INS[name] ?? null;
  return polyfill === null ? null : fileURLToPath(import.meta.resolve(polyfill));
}

/** Names that resolve, for messages: "node:assert, node:buffer, …". */
export function listStandIns(): string {
  return Object.keys(STAND_INS)
    .filter((name) => standInFile(name) !== null)
    .map((name) => `node:${name}`)
    .join(", ");
}

/** A module that Node has and the sandbox has not. */
export function isMissingNodeModule(specifier: string): boolean {
  return isBuiltin(specifier) && standInFile(specifier) === null;
}
