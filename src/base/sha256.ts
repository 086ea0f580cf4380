import { builtin } from "./builtin.ts";

/** Of all parts one after the other, hex: the name by which content is kept and known again. */
export function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = builtin.crypto.createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
