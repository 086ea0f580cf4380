/** Each thread's own lines become those of the run, in the order in which the requests were due. Pure. */
import type { RequestSamples } from "./result.ts";

export function joinSamples(parts: readonly RequestSamples[]): RequestSamples {
  const count = parts.reduce((sum, { startUs }) => sum + startUs.length, 0);
  const startUs = new Float64Array(count);
  const latencyUs = new Float64Array(count);
  const status = new Uint16Array(count);
  let filled = 0;
  for (const part of parts) {
    startUs.set(part.startUs, filled);
    latencyUs.set(part.latencyUs, filled);
    status.set(part.status, filled);
    filled += part.startUs.length;
  }
  const order = Uint32Array.from(startUs.keys()).sort((a, b) => startUs[a]! - startUs[b]!);
  return {
    startUs: startUs.sort(),
    latencyUs: Float64Array.from(order, (row) => latencyUs[row]!),
    status: Uint16Array.from(order, (row) => status[row]!),
  };
}
