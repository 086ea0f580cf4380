/**
 * One guest in one start mode, in a process of its own: CPU time of a request
 * inside the isolate alone (input text to output text, as the realm has it) and
 * through the whole engine (contract, lanes, watchdog). CPU of all threads, so
 * that neither the pool nor other processes change what is measured. Every
 * answer is checked. Prints JSON.
 */
import { join } from "node:path";
import ivm from "isolated-vm";
import type { StartMode } from "../../guest/wasi/channel.ts";
import { builtin } from "../../src/base/builtin.ts";
import type { Call } from "../../src/engines/engine.ts";
import { engineAlone } from "../../src/engines/isolate/engine-alone.ts";
import { guestScript, snapshotFileName } from "../../src/engines/javascript/guest-script.ts";
import { loadSnapshot } from "../../src/engines/javascript/snapshot.ts";
import { compileModule } from "../../src/engines/wasm/compile-module.ts";
import { gojinnContract } from "../../src/engines/wasm/contracts/gojinn-contract.ts";
import { requestSettings } from "../../src/engines/wasm/request-realm.ts";
import { WasmEngine } from "../../src/engines/wasm/wasm-engine.ts";
import { WasmRealm } from "../../src/engines/wasm/wasm-realm.ts";
import { median } from "../../src/stats/quantile.ts";
import { ORDER } from "./order-servers.ts";

export interface StartJob {
  readonly codeFile: string;
  readonly factsFile: string;
  readonly mode: StartMode;
  readonly dataDir: string;
  /** Of measuring, each of the two; warming up takes as long again. */
  readonly seconds: number;
}

export interface StartCosts {
  readonly isolateUs: number;
  readonly engineUs: number;
}

const MIB = 1024 * 1024;
const LIMITS = { memoryMaxBytes: 128 * MIB, timeoutMs: 30_000, cpuTimeoutMs: 5_000, outputMaxBytes: 5 * MIB };
const FUNCTION = {
  functionId: "order",
  freshState: true,
  env: {},
  allow: {},
  folders: [],
  checkpoint: true,
  contract: null,
  codeCacheFile: null,
  process: null,
};
const ISOLATE_MIB = 256;
const BATCH_MS = 20;
const HEADERS =
  "host: 127.0.0.1\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64)\r\naccept: application/json\r\naccept-encoding: gzip, br\r\ncontent-type: application/json\r\n";

const job = JSON.parse(process.argv[2]!) as StartJob;
const script = await guestScript("wasi", job.dataDir);
const snapshot = await loadSnapshot(join(job.dataDir, snapshotFileName(script.hash)), async () => script.code, "compiled");
const isolateUs = await inIsolate();
const engineUs = await inEngine();
process.stdout.write(JSON.stringify({ isolateUs, engineUs } satisfies StartCosts));

async function inIsolate(): Promise<number> {
  const isolate = new ivm.Isolate({ snapshot, memoryLimit: ISOLATE_MIB });
  const module = await compileModule(builtin.fs.readFileSync(job.codeFile));
  const realm = new WasmRealm(
    isolate.createContextSync(),
    module,
    requestSettings({ ...LIMITS, ...FUNCTION, contract: gojinnContract }, job.mode),
    {
      files: null,
      streams: null,
      log: () => {},
      ask: () => {},
      ended: () => {},
      onInternalError: (error) => {
        throw error;
      },
    },
  );
  realm.prepare.applySync(undefined, [], {});
  const stdin = gojinnContract.input(orderCall(() => {}).exchange, Buffer.from(ORDER.data));
  const answer = JSON.stringify(ORDER.expect).slice(1, -1);
  const us = await costUs(() => {
    realm.run.applySync(undefined, realm.input("", stdin), {});
    const output = realm.stdout()!.toString("latin1");
    if (!output.includes(answer)) throw new Error(`The guest answered ${output} ${realm.failureText()}`);
    return null;
  });
  realm.release();
  isolate.dispose();
  return us;
}

async function inEngine(): Promise<number> {
  const complain = (...words: string[]): void => void process.stderr.write(`${words.join(": ")}\n`);
  const capabilities = (): Promise<never> => Promise.reject(new Error("no store here"));
  const engine = engineAlone(
    (host) => new WasmEngine({ ...host, snapshot, capabilities, onGuestLog: complain, onRunaway: complain, onCatastrophe: complain }),
  );
  const template = await engine.prepare({ codeFile: job.codeFile, mapFile: job.factsFile, ...LIMITS, ...FUNCTION });
  const sandbox = await template.open();
  let answered: ((fault: Error | null) => void) | null = null;
  let isAnswered = false;
  const call = orderCall((fault) => {
    isAnswered = true;
    if (answered !== null) answered(fault);
    else if (fault !== null) throw fault;
  });
  const us = await costUs(() => {
    isAnswered = false;
    answered = null;
    sandbox.invoke(call);
    if (isAnswered) return null;
    return new Promise<void>((resolve, reject) => {
      answered = (fault) => (fault === null ? resolve() : reject(fault));
    });
  });
  if (template.startMode !== job.mode) throw new Error(`It went over to ${template.startMode}`);
  sandbox.close();
  engine.close();
  return us;
}

/** The same call can be made again: nothing of it is kept once it was answered. */
function orderCall(answered: (fault: Error | null) => void): Call {
  const whole = Buffer.from(ORDER.data);
  const wrong = (what: string): void => answered(new Error(`The function answered ${what}`));
  const exchange = {
    method: "POST",
    target: ORDER.path,
    headerBlock: HEADERS,
    aborted: false,
    onAbort: null,
    body: { complete: true, whole, length: whole.length },
    respond(status: number, _headerLines: string, body: string) {
      if (status === 200 && body.includes(ORDER.expect)) answered(null);
      else wrong(`${status} ${body}`);
    },
  };
  return {
    exchange: exchange as unknown as Call["exchange"],
    params: null,
    requestId: "bench",
    fail: ({ message }) => wrong(message),
    log: () => {},
    traceparent: () => "",
  };
}

/** Median over batches, once V8 has had as long to compile. */
async function costUs(callOnce: () => Promise<void> | null): Promise<number> {
  const batch = async (count: number): Promise<number> => {
    const before = process.cpuUsage();
    for (let done = 0; done < count; done++) {
      const pending = callOnce();
      if (pending !== null) await pending;
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / count;
  };
  const lasting = async (count: number): Promise<number[]> => {
    const samples: number[] = [];
    const endMs = performance.now() + job.seconds * 1_000;
    do samples.push(await batch(count));
    while (performance.now() < endMs);
    return samples;
  };
  const roughUs = (await lasting(1)).at(-1)!;
  return median(await lasting(Math.max(1, Math.round((BATCH_MS * 1_000) / Math.max(1, roughUs)))));
}
