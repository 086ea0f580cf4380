/**
 * A pair: one fresh process of each side, alive at the same time, loaded in turn
 * in short slices (A B B A A B B A …). What the machine suffers for longer than
 * a slice (a neighbour, heat, a slower clock) meets both sides of the pair alike
 * and cancels out in their ratio; two processes one after the other, seconds
 * apart, each have a machine of their own.
 */
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import { MeasuredServer, type Tools } from "./measure.ts";
import type { AbPlan, ProcessSample } from "./plan.ts";
import type { Side } from "./schedule.ts";

/** Long against the kernel's 10 ms of accounting and the opening of connections, short against what makes a machine waver. */
const SLICE_MS = 250;

export async function measurePair(
  plan: Pick<AbPlan, Side | "measuring">,
  order: readonly [Side, Side],
  tools: Tools,
): Promise<Result<Record<Side, ProcessSample>>> {
  const servers: Partial<Record<Side, MeasuredServer>> = {};
  let failure: Failure | null;
  let samples: Record<Side, ProcessSample> | null = null;
  try {
    failure = await run(plan, order, tools, servers);
    if (failure === null) samples = { a: servers.a!.sample(), b: servers.b!.sample() };
  } finally {
    for (const server of Object.values(servers)) failure = (await server.stop()) ?? failure!;
  }
  return failure === null ? ok(samples!) : fail(failure);
}

async function run(
  plan: Pick<AbPlan, Side | "measuring">,
  order: readonly [Side, Side],
  tools: Tools,
  servers: Partial<Record<Side, MeasuredServer>>,
): Promise<Failure | null> {
  const { measuring } = plan;
  for (const side of order) {
    const opened = await MeasuredServer.open(plan[side], measuring, tools);
    if (!opened.ok) return opened.failure;
    servers[side] = opened.value;
    const warm = await opened.value.warmUp();
    if (!warm.ok) return warm.failure;
  }
  for (const { side, durationMs } of slices(order, measuring.measuredMs)) {
    const measured = await servers[side]!.measure(durationMs);
    if (!measured.ok) return measured.failure;
  }
  return null;
}

/** Each side as long; who went first in one turn goes second in the next. */
export function* slices(order: readonly [Side, Side], measuredMs: number): Generator<{ readonly side: Side; readonly durationMs: number }> {
  const count = Math.max(1, Math.round(measuredMs / SLICE_MS));
  for (let turn = 0; turn < count; turn++) {
    const [first, second] = turn % 2 === 0 ? order : [order[1], order[0]];
    for (const side of [first, second]) yield { side, durationMs: measuredMs / count };
  }
}
