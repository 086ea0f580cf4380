/**
 * Fake pool: the pool of one function over processes that don't exist, in time
 * that passes when it is told to. Of scripts, the last stands for all that follow.
 */
import { PROCESS_DEFAULTS, type ProcessSettings } from "../../src/config/process-settings.ts";
import type { EngineSource } from "../../src/engines/engine.ts";
import type { LinkWay } from "../../src/engines/process/links/link.ts";
import { ProcessEngine } from "../../src/engines/process/process-engine.ts";
import { type CountedCall, countedCall } from "./counted-call.ts";
import { type CallScript, FakeMachine, type ProcessScript } from "./fake-processes.ts";
import { VirtualClock } from "./virtual-clock.ts";

const WORKS: ProcessScript = {
  launchMs: 5,
  launch: "works",
  readyMs: 20,
  ready: "says so",
  livesMs: null,
  concurrency: null,
  ignoresTerm: false,
  isWell: true,
  isOverMemory: false,
};
const ANSWERS: CallScript = { does: "answer", afterMs: 2, cancel: "at once" };
export const START_MS = 25;
export const TIMEOUT_MS = 1_000;

export interface PoolSetup {
  readonly way?: LinkWay;
  readonly settings?: Partial<ProcessSettings>;
  readonly freshState?: boolean;
  readonly processes?: readonly Partial<ProcessScript>[];
  readonly calls?: readonly Partial<CallScript>[];
}

export async function fakePool({ way = "frames", settings = {}, freshState = false, processes = [{}], calls = [{}] }: PoolSetup = {}) {
  const clock = new VirtualClock();
  const process = { ...PROCESS_DEFAULTS, call: way, healthIntervalMs: 0, ...settings };
  const reached: number[] = [];
  const logs: string[] = [];
  let [processAt, callAt] = [0, 0];
  const machine = new FakeMachine({
    clock,
    way,
    instanceMax: process.instanceMax,
    concurrency: freshState ? 1 : process.concurrency,
    processes: () => ({ ...WORKS, ...processes[Math.min(processAt++, processes.length - 1)] }),
    calls: () => ({ ...ANSWERS, ...calls[Math.min(callAt++, calls.length - 1)] }),
    reached: (_call, instance) => void reached.push(instance),
  });
  const onGuestLog = (_functionId: string, level: string, message: string): void => void logs.push(`${level}: ${message}`);
  const engine = new ProcessEngine({ launcherOf: () => machine, linksOf: () => machine, onGuestLog, clock });
  const source = { functionId: "report", memoryMaxBytes: 1_000, timeoutMs: TIMEOUT_MS, freshState, process };
  const template = await engine.prepare(source as EngineSource);
  const sandbox = await template.open();
  let count = 0;
  const call = (method = "GET"): CountedCall => {
    const counted = countedCall(count++, { method, isBodyWhole: true });
    sandbox.invoke(counted.call);
    return counted;
  };
  const states = () => template.processMetrics().instances;
  return { clock, machine, engine, template, sandbox, call, reached, logs, states };
}
