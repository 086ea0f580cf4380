/**
 * Header lines of file answers: type, tag and how long the answer is good.
 * Pure.
 */
import type { Artifact } from "../artifact.ts";
import type { CacheOutcome } from "../pages/pages.ts";

/** Nobody changes what lies under a file's name: its page would name another hash. */
const IMMUTABLE_LINE = "cache-control: public, max-age=31536000, immutable\r\n";
/** What no hash is promised of may be written anew. */
const REVALIDATE_LINE = "cache-control: no-cache\r\n";

/** What a 304 repeats. `sha256` is null where the content is not known well enough to have a tag. */
export function validatorLines({ hashes }: Artifact, sha256: string | null): string {
  const cache = Object.keys(hashes).length === 0 ? REVALIDATE_LINE : IMMUTABLE_LINE;
  return sha256 === null ? cache : `etag: "${sha256}"\r\n${cache}`;
}

export function fileLines(artifact: Artifact, sha256: string | null, outcome: CacheOutcome, binaryMimeType: boolean): string {
  const type = binaryMimeType ? "application/octet-stream" : typeOf(artifact);
  return `content-type: ${type}\r\naccept-ranges: bytes\r\n${validatorLines(artifact, sha256)}x-cache: ${outcome}\r\n`;
}

/** By the name. A compressed archive is content of its own type, never a coding of another (proxpi's issue 67). */
function typeOf({ kind, filename }: Artifact): string {
  if (kind === "metadata") return "text/plain; charset=utf-8";
  if (kind === "provenance") return "application/vnd.pypi.integrity.v1+json";
  if (kind === "signature") return "application/pgp-signature";
  if (/\.(?:tar\.gz|tgz)$/i.test(filename)) return "application/gzip";
  return filename.toLowerCase().endsWith(".zip") ? "application/zip" : "application/octet-stream";
}
