/**
 * Where the guest's own sources lie: guest/*.ts in the repository, guest/*.js
 * (erased) in the published package. Only this file knows the two layouts.
 */
import { fileURLToPath } from "node:url";

const isSource = import.meta.url.endsWith(".ts");

/** Absolute, without a trailing slash. */
export const guestDir = fileURLToPath(new URL(isSource ? "../../../guest" : "../../guest", import.meta.url));

/** "prelude" -> "/…/guest/prelude.ts". */
export function guestFile(name: string): string {
  return `${guestDir}/${name}${isSource ? ".ts" : ".js"}`;
}
