/**
 * A bare sandbox for tests of the web platform: the guest prelude in an
 * isolate, connected to the real host operations and to nothing else. Tests
 * give it code and compare what comes out with what Node itself says.
 */
import ivm from "isolated-vm";
import type { Allow } from "../../src/config/config.ts";
import { bootContext } from "../../src/engines/javascript/crossing.ts";
import { bundleGuestScript } from "../../src/engines/javascript/guest-script.ts";
import { monotonicMs } from "../../src/engines/javascript/ops/clock.ts";
import type { OpContext } from "../../src/engines/javascript/ops/op.ts";
import { runAsyncOp, runSyncOp } from "../../src/engines/javascript/ops/run.ts";

const MEMORY_LIMIT_MB = 256;
const LONGEST_TEST_MS = 30_000;

let snapshot: Promise<ivm.ExternalCopy<ArrayBuffer>> | null = null;

async function makeSnapshot(): Promise<ivm.ExternalCopy<ArrayBuffer>> {
  const { code } = await bundleGuestScript("prelude");
  return ivm.Isolate.createSnapshot([{ code }]);
}

export interface WebSandbox {
  /** Runs the body of an async function in the sandbox; `input` is in scope there, JSON comes back. */
  run(code: string, input?: unknown): Promise<unknown>;
  /** Runs a script as it is. */
  evaluate(script: string): void;
  readonly context: OpContext;
  readonly logs: string[];
  close(): void;
}

export async function openWebSandbox({ allow = {} }: { allow?: Allow } = {}): Promise<WebSandbox> {
  snapshot ??= makeSnapshot();
  const isolate = new ivm.Isolate({ memoryLimit: MEMORY_LIMIT_MB, snapshot: await snapshot });
  const context = isolate.createContextSync();
  const closing = new AbortController();
  const logs: string[] = [];
  const opContext: OpContext = {
    functionId: "test",
    allow,
    signal: closing.signal,
    state: new Map(),
    capabilities: async () => null,
    log: (level, message) => logs.push(`${level}: ${message}`),
    traceparent: () => null,
  };
  const results = new Map<number, (text: string) => void>();
  const timers = new Set<NodeJS.Timeout>();
  const enter = (kind: string, id: number, value: unknown): void => {
    if (!closing.signal.aborted) entries.signal.applySync(undefined, [kind, id, value], { arguments: { copy: true } });
  };
  const sync = (name: unknown, ...args: unknown[]): unknown => {
    if (name !== "timer.alarm") return runSyncOp(opContext, name as string, args);
    const timer = setTimeout(() => enter("alarm", 0, monotonicMs()), Math.max(0, args[0] as number));
    timers.add(timer);
    return undefined;
  };
  const async_ = (name: unknown, ticket: unknown, callId: unknown, ...args: unknown[]): unknown =>
    runAsyncOp(opContext, callId as number, name as string, args, (value) => enter("settle", ticket as number, value));
  const entries = bootContext(context, [sync, async_, () => {}], JSON.stringify({ scheme: "http", env: {} }));
  context.global.setSync("__done", new ivm.Callback((id: number, text: string) => results.get(id)?.(text)));

  let runCount = 0;
  return {
    context: opContext,
    logs,
    evaluate: (script) => context.evalSync(script, { timeout: LONGEST_TEST_MS }),
    async run(code, input) {
      const id = ++runCount;
      const result = new Promise<string>((resolve) => results.set(id, resolve));
      context.evalSync(
        `(async (input) => { ${code}\n })(${JSON.stringify(input) ?? "undefined"}).then(
          (value) => __done(${id}, JSON.stringify({ value })),
          (error) => __done(${id}, JSON.stringify({ error: { name: error?.name, message: error?.message ?? String(error), stack: error?.stack } })));`,
        { timeout: LONGEST_TEST_MS },
      );
      const { value, error } = JSON.parse(await result) as { value: unknown; error?: { name: string; message: string; stack: string } };
      if (error !== undefined) throw Object.assign(new Error(error.message), { name: error.name, guestStack: error.stack });
      return value;
    },
    close() {
      closing.abort();
      for (const timer of timers) clearTimeout(timer);
      isolate.dispose();
    },
  };
}
