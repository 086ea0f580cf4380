/** Which Node runs us. bin/pilotlight.js, plain JavaScript for older ones, says the same. */

/** The first LTS with net.BoundSocket. */
export const NODE_MIN = "26.4";

/** `version` without a "v", as process.versions.node. */
export function isNodeSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [majorMin = 0, minorMin = 0] = NODE_MIN.split(".").map(Number);
  return major > majorMin || (major === majorMin && minor >= minorMin);
}
