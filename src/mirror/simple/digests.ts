/**
 * Digests: the algorithms by which indexes, lock files and bundles promise
 * content, under one spelling each (hashlib's: sha3_512). Who computes, checks
 * or shows a digest goes by this table. Pure.
 */

export interface DigestAlgorithm {
  readonly name: string;
  /** What Node's crypto calls it. */
  readonly nodeName: string;
  /** Hexadecimal digits. */
  readonly length: number;
  /** Installers check it in a link: a file with one that can't be right must not be offered. */
  readonly isForLinks: boolean;
}

/** All that can be computed here; the strongest first, but for SHA-256, which everybody has. */
export const DIGEST_ALGORITHMS: readonly DigestAlgorithm[] = [
  { name: "sha256", nodeName: "sha256", length: 64, isForLinks: true },
  { name: "sha512", nodeName: "sha512", length: 128, isForLinks: true },
  { name: "blake2b", nodeName: "blake2b512", length: 128, isForLinks: false },
  { name: "sha3_512", nodeName: "sha3-512", length: 128, isForLinks: false },
  { name: "sha384", nodeName: "sha384", length: 96, isForLinks: true },
  { name: "sha3_384", nodeName: "sha3-384", length: 96, isForLinks: false },
  { name: "sha3_256", nodeName: "sha3-256", length: 64, isForLinks: false },
  { name: "sha224", nodeName: "sha224", length: 56, isForLinks: true },
  { name: "sha1", nodeName: "sha1", length: 40, isForLinks: true },
  { name: "md5", nodeName: "md5", length: 32, isForLinks: true },
];

/** One digest fits into a link: the first of these, which pip and uv both check, then those that only pip does. */
export const LINK_PREFERENCE: readonly string[] = ["sha256", "sha512", "sha384", "md5", "sha224", "sha1"];

const BY_NAME: ReadonlyMap<string, DigestAlgorithm> = new Map(DIGEST_ALGORITHMS.map((algorithm) => [algorithm.name, algorithm]));
/** Beside those: "#egg=foo" is no digest. */
const OTHERS = /^(?:blake2[bs]|blake3|sha3_\d{3})(?:_\d{3})?$/;

/** The one spelling of "SHA256", "sha3-512" and the like, known or not. */
export function algorithmName(text: string): string {
  return text.trim().toLowerCase().replaceAll("-", "_");
}

/** By its one spelling. Undefined for one that can't be computed here. */
export function digestAlgorithm(name: string): DigestAlgorithm | undefined {
  return BY_NAME.get(name);
}

/** Whether it is the name of a digest, though perhaps of none that is known here. */
export function isDigestName(name: string): boolean {
  return BY_NAME.has(name) || OTHERS.test(name);
}
