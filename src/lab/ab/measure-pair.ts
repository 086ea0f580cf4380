/**
 * A pair: one fresh process of each side, alive at the same time, loaded in turn
 * in short slices (A B B A A B B A …), as long for one as for the other. What the
 * machine suffers for longer than a slice (a neighbour, heat, a slower clock)
 * meets both sides of the pair alike and cancels out in their ratio; two
 * processes one after the other, seconds apart, each have a machine of their own.
 */
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import { MeasuredServer, type Tools } from "./measure.ts";
import type { AbPlan, ProcessSample } from "./plan.ts";
import type { Side } from "./schedule.ts";
import { sliceCount } from "./slice-length.ts";

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
  const count = sliceCount(measuring.measuredMs, slowerMs(servers.a!.latencyMs, servers.b!.latencyMs));
  for (const side of turns(order, count)) {
    const measured = await servers[side]!.measure(measuring.measuredMs / count);
    if (!measured.ok) return measured.failure;
  }
  return null;
}

function slowerMs(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b);
}

/** Each side as often; who went first in one turn goes second in the next. */
function* turns(order: readonly [Side, Side], count: number): Generator<Side> {
  for (let turn = 0; turn < count; turn++) yield* turn % 2 === 0 ? order : [order[1], order[0]];
}
