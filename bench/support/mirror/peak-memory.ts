/** The greatest memory of a server's processes, children that come and go among them, while something is asked of it. */
import type { RunningServer } from "../lab.ts";

const LOOK_EVERY_MS = 50;

export async function peakWhile<Value>(server: RunningServer, work: Promise<Value>): Promise<{ value: Value; peakBytes: number }> {
  let peakBytes = 0;
  const look = (): void => {
    const bytes = server.memoryBytes();
    // Not a number when a process ended under the look.
    if (bytes > peakBytes) peakBytes = bytes;
  };
  const looking = setInterval(look, LOOK_EVERY_MS);
  try {
    const value = await work;
    look();
    return { value, peakBytes };
  } finally {
    clearInterval(looking);
  }
}
