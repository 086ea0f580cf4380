/**
 * Places: where things lie below the folder of a content store. Names are made
 * here alone, of hashes that were checked and of our own random numbers, so no
 * name from outside ever becomes a path.
 */
import { builtin } from "../../base/builtin.ts";

const SHA256 = /^[0-9a-f]{64}$/;

export function isSha256(text: string): boolean {
  return SHA256.test(text);
}

export function newPartialPlace(): string {
  return `partial/${builtin.crypto.randomBytes(16).toString("hex")}`;
}

/** Two characters of fan-out: 100,000 files are 400 to a folder. */
export function filePlace(sha256: string): string {
  return `files/${sha256.slice(0, 2)}/${sha256}`;
}

/** Beside it, where somebody else's file has that name. */
export function otherFilePlace(sha256: string): string {
  return `${filePlace(sha256)}.${builtin.crypto.randomBytes(4).toString("hex")}`;
}

/** Content may rot more than once. */
export function quarantinePlace(sha256: string): string {
  return `quarantine/${sha256}.${builtin.crypto.randomBytes(4).toString("hex")}`;
}
