/**
 * What names a bundle: the version of its format and the digest of its text.
 * Apart from bundle.ts, because every start of a server needs these two and
 * nothing of the bundler.
 */
import { builtin } from "../../base/builtin.ts";

/** Raised when the shape or meaning of bundles changes, so that no cache or build of before is used. */
export const BUNDLE_FORMAT = 2;

/** Hex. */
export function sha256(content: string | Uint8Array): string {
  return builtin.crypto.createHash("sha256").update(content).digest("hex");
}
