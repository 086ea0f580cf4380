/**
 * Lock file: what a requirements.txt, a uv.lock or a pylock.toml asks of an
 * index, in one form. Read by explanations and by bundles. The text comes from
 * strangers: every reader answers any text with a LockFile or with a phrase
 * that says what is wrong, and never throws.
 */

import { isProjectName, normaliseName } from "../../base/project-name.ts";
import { MIB } from "../../base/units.ts";
import { algorithmName } from "../simple/digests.ts";

export const LOCK_FORMATS = ["requirements.txt", "uv.lock", "pylock.toml"] as const;
export type LockFormat = (typeof LOCK_FORMATS)[number];

export const LOCK_FILE_MAX_BYTES = 8 * MIB;
export const REQUIREMENTS_MAX = 5_000;
/** Of all requirements together. A large uv.lock lists 20,000. */
export const LOCKED_FILES_MAX = 200_000;

export interface LockFile {
  readonly format: LockFormat;
  readonly requirements: readonly Requirement[];
  /** What of the text was passed over, for people. */
  readonly notes: readonly string[];
}

export interface Requirement {
  /** Normalised. */
  readonly project: string;
  /** As written (PEP 440); null where the format locks versions without one. */
  readonly specifier: string | null;
  /** The only version that is wanted; null where several would do, or where none is told. */
  readonly version: string | null;
  /** Files that the lock names; empty where it names none. */
  readonly files: readonly LockedFile[];
  /** False for what comes from an address, a repository or a folder: no index has a say in it. */
  readonly isFromIndex: boolean;
  /** For people: where it comes from when that is no index, when it is wanted at all. */
  readonly note: string | null;
}

export interface LockedFile {
  /** Null where only hashes are told. */
  readonly filename: string | null;
  /** By algorithm in its one spelling (digests.ts), in lower-case hexadecimal. */
  readonly hashes: Readonly<Record<string, string>>;
  readonly sizeBytes: number | null;
}

/** Normalised; null for what can be no project's name. */
export function projectName(text: string): string | null {
  return isProjectName(text) ? normaliseName(text) : null;
}

const HASH = /^([a-z][a-z0-9_-]{1,19})[:=]([0-9a-f]{32,128})$/;

/** "sha256:0f3a…", as uv.lock and requirements.txt write it. Null for anything else. */
export function parseHash(text: string): Readonly<Record<string, string>> | null {
  const match = HASH.exec(text.trim().toLowerCase());
  return match === null ? null : { [algorithmName(match[1]!)]: match[2]! };
}

/** Of what strangers wrote: short, on one line, without control characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text);
}
