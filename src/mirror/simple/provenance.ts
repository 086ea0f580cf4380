/**
 * Provenance (PEP 740): the address that a page gives. The PEP's first form
 * gave the digest of a file that lies beside the distribution; both are read.
 * Pure.
 */
import { ARTIFACT_SUFFIX } from "../artifact.ts";
import { resolveAddress } from "./address.ts";

const SHA256 = /^[0-9a-f]{64}$/i;

export function readProvenance(value: unknown, fileUrl: string, baseUrl: string): string | null {
  if (typeof value !== "string" || value.trim() === "") return null;
  return resolveAddress(SHA256.test(value.trim()) ? `${fileUrl}${ARTIFACT_SUFFIX.provenance}` : value, baseUrl)?.href ?? null;
}
