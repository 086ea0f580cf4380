/**
 * Digest: what a transfer's content must be, checked as it arrives. The
 * SHA-256 is always made, because content is kept under it; when the index
 * promises no SHA-256, the strongest other hash that it promises is checked.
 */
import type { Hash } from "node:crypto";
import { builtin } from "../../base/builtin.ts";
import { DIGEST_ALGORITHMS, digestAlgorithm } from "../simple/digests.ts";

export interface Mismatch {
  readonly algorithm: string;
  readonly wanted: string;
  readonly got: string;
}

export interface DigestResult {
  readonly sha256: string;
  /** False when the index promised no hash that can be checked. */
  readonly checked: boolean;
  readonly mismatch: Mismatch | null;
}

/** The one hash of those promised that is checked; null when none of them can be. */
export function promiseOf(hashes: Readonly<Record<string, string>>): { readonly algorithm: string; readonly value: string } | null {
  const algorithm = DIGEST_ALGORITHMS.find(({ name }) => hashes[name] !== undefined)?.name;
  return algorithm === undefined ? null : { algorithm, value: (hashes[algorithm] as string).toLowerCase() };
}

export class Digest {
  readonly #sha256 = builtin.crypto.createHash("sha256");
  readonly #wanted: ReturnType<typeof promiseOf>;
  readonly #other: Hash | null;

  /** `wanted` by algorithm, hexadecimal, as in Artifact.hashes. */
  constructor(wanted: Readonly<Record<string, string>>) {
    this.#wanted = promiseOf(wanted);
    const other = this.#wanted === null || this.#wanted.algorithm === "sha256" ? undefined : digestAlgorithm(this.#wanted.algorithm);
    this.#other = other === undefined ? null : builtin.crypto.createHash(other.nodeName);
  }

  update(bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    this.#other?.update(bytes);
  }

  /** Once, behind the last byte. */
  finish(): DigestResult {
    const sha256 = this.#sha256.digest("hex");
    if (this.#wanted === null) return { sha256, checked: false, mismatch: null };
    const { algorithm, value: wanted } = this.#wanted;
    const got = this.#other?.digest("hex") ?? sha256;
    return { sha256, checked: true, mismatch: got === wanted ? null : { algorithm, wanted, got } };
  }
}
