/**
 * Replay run: the module of a recording once more, in an isolate of its own,
 * with the player in the host's place. Always from the start, whatever way the
 * recorded request was started: what an image was made with was recorded, too.
 * Everything is synchronous: whoever runs it has nothing else to do.
 */
import ivm from "isolated-vm";
import { ENDED } from "../../../../guest/wasi/channel.ts";
import type { Exchange } from "../../../http/exchange.ts";
import type { CallFailure, CallFailureCode } from "../../engine.ts";
import { compileModule } from "../compile-module.ts";
import { CONTRACTS } from "../contracts/by-name.ts";
import { requestEnviron, requestSettings } from "../request-realm.ts";
import { endFailure, isolateMib } from "../run-end.ts";
import { WasmRealm } from "../wasm-realm.ts";
import { differenceOf } from "./compare-outcome.ts";
import { Player, type RequestAnswer } from "./player.ts";
import type { Outcome, Recording } from "./recording.ts";

export interface Replayed {
  readonly outcome: Outcome;
  /** For people; null when everything was the same. */
  readonly difference: string | null;
}

const RUN_ID = 1;
/** A run that was stopped gets as long as it had then, but not so little that a slower start would end it. */
const STOPPED_MIN_MS = 250;
/** How isolated-vm says that its timeout has come. */
const TIMED_OUT = /^Script execution timed out/;

/** `shim` is the script of guest/wasi/boot.ts. */
export async function replayRun(recording: Recording, module: Uint8Array, shim: string): Promise<Replayed> {
  const compiled = await compileModule(module);
  const isolate = new ivm.Isolate({ memoryLimit: isolateMib(recording.limits) });
  const context = isolate.createContextSync();
  context.evalClosureSync(shim, [], { filename: "pilotlight-guest" });
  const player = new Player(recording);
  const outcome = run(recording, compiled, isolate, context, player);
  return { outcome, difference: player.difference ?? player.unasked ?? differenceOf(recording.outcome, outcome) };
}

function run(recording: Recording, module: WebAssembly.Module, isolate: ivm.Isolate, context: ivm.Context, player: Player): Outcome {
  const { functionId, limits, contract: contractName, env } = recording;
  const contract = CONTRACTS[contractName];
  const replayed = { functionId, env, contract, ...limits };
  const asked: { readonly ticket: number; readonly answer: RequestAnswer }[] = [];
  let outcome: Outcome | null = null;
  const ended = (value: number, apart: ArrayBuffer | null): void => {
    outcome = outcomeOf(recording, realm, value, apart);
  };
  const realm: WasmRealm = new WasmRealm(context, module, requestSettings(replayed, "instance"), {
    files: null,
    streams: null,
    tap: (_serve, window) => player.tap(window),
    log: () => {},
    ask: (ticket, _runId, operation, ...args) => {
      const answer = player.ask(operation, args);
      if (answer !== null) asked.push({ ticket, answer });
    },
    ended: (_runId, value, apart) => ended(value, apart),
    onInternalError: () => {},
  });
  const exchange = exchangeOf(recording);
  const { body } = recording.request;
  const bytes = body === null ? null : Buffer.from(body, "base64");
  const input = realm.input(requestEnviron(replayed)(exchange, bytes), contract.input(exchange, bytes));
  const wasStopped = recording.outcome.ended === null;
  const options = { timeout: Math.ceil(wasStopped ? Math.max(STOPPED_MIN_MS, recording.tookMs) : Math.max(1, limits.timeoutMs)) };
  try {
    if (recording.waits) {
      realm.start.applySync(undefined, [RUN_ID, ...input], options);
      for (let next = asked.shift(); next !== undefined && outcome === null; next = asked.shift()) {
        const { code, bytes: given, number } = next.answer;
        realm.settle.applySync(undefined, [next.ticket, code, given, number], { ...options, arguments: { copy: true } });
      }
    } else {
      const value = realm.run.applySync(undefined, input, options) as number;
      const apart =
        value === ENDED.exited && realm.stdout() === null ? realm.output.applySync(undefined, [], { result: { copy: true } }) : null;
      ended(value, apart as ArrayBuffer | null);
    }
  } catch (error) {
    if (isolate.isDisposed) return stopped(recording, "MEMORY_LIMIT_EXCEEDED", "it passed its memory limit");
    const { message } = error as Error;
    return TIMED_OUT.test(message)
      ? stopped(recording, "CALL_TIMEOUT", `it did not finish within ${options.timeout} ms`)
      : stopped(recording, "SANDBOX_LOST", message);
  }
  if (player.isExhausted) return stopped(recording, "SANDBOX_LOST", "it got as far as the recorded run");
  return outcome ?? stopped(recording, "CALL_TIMEOUT", "it waits for an answer that was never given");
}

/** Which limit comes first is a matter of time, which is not replayed: where a limit ended the recorded run as well, that one is told. */
function stopped({ outcome }: Recording, code: CallFailureCode, message: string): Outcome {
  const failure = outcome.ended === null && outcome.failure !== null ? outcome.failure : { code, message };
  return { ended: null, exitCode: 0, stdout: null, stderr: "", failure };
}

function outcomeOf({ functionId, limits }: Recording, realm: WasmRealm, ended: number, apart: ArrayBuffer | null): Outcome {
  const stdout = realm.stdout() ?? (apart === null ? null : Buffer.from(apart));
  const failure: CallFailure | null = endFailure(ended, realm, { functionId, ...limits });
  return {
    ended,
    exitCode: realm.exitCode,
    stdout: stdout?.toString("base64") ?? null,
    stderr: realm.stderr(),
    failure: failure === null ? null : { code: failure.code, message: failure.message },
  };
}

/** As much of an exchange as contracts read. */
function exchangeOf({ request }: Recording): Exchange {
  return request as unknown as Exchange;
}
