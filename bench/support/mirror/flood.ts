/** Many clients at once: each asks so often, every answer is compared, and whoever wants looks at the server meanwhile. */
import type { LoadResult } from "../../../src/lab/load/result.ts";
import { runLoad } from "../../../src/lab/load/run-load.ts";
import { planFor, type RunningServer, type Subject } from "../lab.ts";
import { peakWhile } from "./peak-memory.ts";

const TIMEOUT_MS = 120_000;

export interface Flood {
  readonly result: LoadResult;
  readonly peakBytes: number;
}

/** Throws when one answer was wrong. */
export async function flood(server: RunningServer, subject: Subject, users: number, requestsEach: number): Promise<Flood> {
  const plan = planFor(subject, users);
  const whole = {
    ...plan,
    target: { ...plan.target, port: server.port },
    durationMs: null,
    requestMaxCount: users * requestsEach,
    timeoutMs: TIMEOUT_MS,
  };
  const { value: ran, peakBytes } = await peakWhile(server, runLoad(whole));
  if (!ran.ok) throw new Error(ran.failure.message);
  const { failedCount, requestCount, errorExamples } = ran.value;
  if (failedCount > 0) {
    throw new Error(`${subject.name} failed ${failedCount} of ${requestCount} requests: ${Object.values(errorExamples)[0]}`);
  }
  return { result: ran.value, peakBytes };
}
