/**
 * Prepared facts: what is kept on disk of a module's preparation, and where. A
 * variant is named by its content, so that two servers which prepare the same
 * module at once can't mix their files up; the facts are written last and vouch
 * for it. What is damaged, absent or of another version is made anew.
 */
import { readFileSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import type { StartMode } from "../../../../guest/wasi/channel.ts";
import { sha256 } from "../../../base/sha256.ts";
import type { StartCosts } from "./choose-preparation.ts";

export interface PreparedFacts {
  readonly format: number;
  readonly mode: StartMode;
  /** For people. */
  readonly reason: string;
  readonly costs: StartCosts;
  /** NOTED bits of the part before the question. */
  readonly noted: number;
  /** sha256 of the variant, hex; null when the mode needs none. */
  readonly variant: string | null;
}

export interface Prepared extends Omit<PreparedFacts, "format"> {
  /** What to compile in the place of the module as it was built; null for that module itself. */
  readonly moduleFile: string | null;
}

/** Grows when the gate, the shim or the choice changes what a variant is. */
export const PREPARED_FORMAT = 1;
const FACTS_NAME = "facts.json";
const MODES: readonly string[] = ["instance", "reset", "checkpoint"] satisfies StartMode[];
const SHA256 = /^[0-9a-f]{64}$/;
/** Entries in use are kept young for the sweep, but not by a write at every look. */
const TOUCH_AFTER_MS = 60_000;

export function preparedFolder(dataDir: string): string {
  return join(dataDir, "cache", "wasm-prepared");
}

export function factsFile(folder: string): string {
  return join(folder, FACTS_NAME);
}

export function variantFile(folder: string, variant: string): string {
  return join(folder, `${variant}.wasm`);
}

/** Null when it is not there whole. */
export function findPrepared(folder: string): Prepared | null {
  try {
    const { format, ...facts } = JSON.parse(readFileSync(factsFile(folder), "utf8")) as PreparedFacts;
    if (format !== PREPARED_FORMAT || !MODES.includes(facts.mode) || typeof facts.reason !== "string") return null;
    if ((facts.mode === "checkpoint") !== (facts.variant !== null)) return null;
    let moduleFile: string | null = null;
    if (facts.variant !== null) {
      if (!SHA256.test(facts.variant)) return null;
      moduleFile = variantFile(folder, facts.variant);
      if (sha256(readFileSync(moduleFile)) !== facts.variant) return null;
    }
    touch(factsFile(folder));
    return { ...facts, moduleFile };
  } catch {
    return null;
  }
}

function touch(file: string): void {
  const nowMs = Date.now();
  if (nowMs - statSync(file).mtimeMs > TOUCH_AFTER_MS) utimesSync(file, nowMs / 1_000, nowMs / 1_000);
}
