/**
 * How a realm is set up for a function's requests: the same whether they are
 * served, replayed or measured.
 */
import { type StartMode, WASM_PAGE_BYTES } from "../../../guest/wasi/channel.ts";
import type { Exchange } from "../../http/exchange.ts";
import type { RequestContract } from "./contracts/contract.ts";
import { STDERR_MAX_BYTES } from "./run-end.ts";
import type { RealmSettings } from "./wasm-realm.ts";

export interface RequestRealm {
  readonly functionId: string;
  readonly env: Readonly<Record<string, string>>;
  readonly contract: RequestContract;
  readonly outputMaxBytes: number;
  readonly memoryMaxBytes: number;
}

/** Runs that wait hold up to the limit before others have to wait for them (wasm-sandbox.ts); they may grow after that. */
const HELD_MAX_LIMITS = 2;

export function requestSettings(
  { functionId, env, contract, outputMaxBytes, memoryMaxBytes }: RequestRealm,
  mode: StartMode,
): RealmSettings {
  return {
    mode,
    args: [functionId],
    environ: contract.environIsRequest ? [] : Object.entries(env).map(([name, value]) => `${name}=${value}`),
    environIsRequest: contract.environIsRequest,
    stdoutMaxBytes: outputMaxBytes,
    stderrMaxBytes: STDERR_MAX_BYTES,
    heldMaxPages: (HELD_MAX_LIMITS * memoryMaxBytes) / WASM_PAGE_BYTES,
    isLive: false,
    // A libc takes a character device for a terminal and would write line by line.
    streamFiletypes: [],
  };
}

/** Makes the environment of each request, as NUL-ended pairs; "" where the contract has none of its own. */
export function requestEnviron({
  env,
  contract,
}: Pick<RequestRealm, "env" | "contract">): (exchange: Exchange, body: Uint8Array | null) => string {
  if (!contract.environIsRequest) return () => "";
  const fixed = Object.entries(env)
    .map(([name, value]) => `${name}=${value}\0`)
    .join("");
  // The request's own come last: where names collide, most libraries take the first.
  return (exchange, body) => fixed + contract.environ(exchange, body);
}
