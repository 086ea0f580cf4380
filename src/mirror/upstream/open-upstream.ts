/**
 * The upstream of the mirror: retries what may pass, spares everybody the wait
 * for an index that is down, and keeps each index's health. What one attempt
 * does is in follow.ts. Never sends to an index what is another's, and never
 * logs an address with its query or credentials.
 */
import { assert } from "../../base/assert.ts";
import { fail, type Result } from "../../base/result.ts";
import { shownAddress } from "../../base/shown-address.ts";
import { version } from "../../base/version.ts";
import type { IndexConfig, UpstreamConfig } from "../../config/mirror-config.ts";
import { explainFailure, isPassing, type UpstreamFailure } from "../failures.ts";
import type { MirrorLog } from "../log.ts";
import type { Admission, Circuit, CircuitChange } from "./circuit.ts";
import { loadDispatchers } from "./dispatchers.ts";
import { follow, type Wire } from "./follow.ts";
import { IndexLine } from "./index-line.ts";
import { pause, type Sleep } from "./pause.ts";
import { readProxies } from "./proxies.ts";
import { type Resolve, resolveBySystem } from "./reach.ts";
import { retryDelayMs } from "./retry.ts";
import type { IndexHealth, Upstream, UpstreamAnswer, UpstreamRequest } from "./upstream.ts";

export interface UpstreamOptions {
  readonly indexes: readonly IndexConfig[];
  readonly upstream: UpstreamConfig;
  readonly log: MirrorLog;
  readonly nowMs: () => number;
  /** The world, for tests: the timer of retries, chance, names, and the environment's proxies. */
  readonly sleep?: Sleep;
  readonly random?: () => number;
  readonly resolve?: Resolve;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export function openUpstream(options: UpstreamOptions): Upstream {
  return new OpenUpstream(options);
}

class OpenUpstream implements Upstream {
  readonly #options: UpstreamOptions;
  readonly #lines = new Map<string, IndexLine>();
  readonly #closing = new AbortController();
  #wire: Promise<Wire> | null = null;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    const { indexes, upstream, resolve } = options;
    for (const index of indexes) this.#lines.set(index.name, new IndexLine(index, upstream.retriesMax, resolve ?? resolveBySystem));
  }

  async request(request: UpstreamRequest): Promise<Result<UpstreamAnswer, UpstreamFailure>> {
    const { upstream, nowMs, random = Math.random, sleep = null } = this.#options;
    const line = this.#lines.get(request.index);
    assert(line !== undefined, `no index is named ${request.index}`);
    const origin = URL.parse(request.url)?.origin ?? "";
    const circuit = line.circuitOf(origin);
    for (let failedCount = 1; ; failedCount++) {
      const ended = this.#endedBefore(request);
      if (ended !== null) return fail(ended);
      const admission = circuit.admit(nowMs());
      if (admission === "refuse") return fail(this.#refused(line, circuit, request));
      const outcome = await this.#attempt(line, circuit, admission, request);
      if (outcome.ok) {
        this.#report(line, origin, circuit.succeeded(admission, nowMs()), null);
        return outcome;
      }
      const { failure } = outcome;
      const given = this.#endedBefore(request);
      if (given !== null) {
        circuit.givenUp(admission);
        return fail(given);
      }
      this.#options.log("debug", `Attempt ${failedCount} failed. ${explainFailure(failure).message}`, {
        index: line.name,
        code: failure.code,
      });
      this.#report(line, origin, circuit.failed(admission, failure, nowMs()), failure);
      if (!isPassing(failure) || failedCount > upstream.retriesMax || admission === "probe") return outcome;
      const delayMs = retryDelayMs(failure, failedCount, upstream.retryDelayMs, random());
      if (delayMs === null) return outcome;
      await pause(delayMs, [request.signal, this.#closing.signal], sleep);
    }
  }

  health(): readonly IndexHealth[] {
    return [...this.#lines.values()].map((line) => line.health());
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    const wire = await this.#wire?.catch(() => null);
    await wire?.dispatchers.close(new Error("the mirror is stopping"));
  }

  async #attempt(
    line: IndexLine,
    circuit: Circuit,
    admission: Admission,
    request: UpstreamRequest,
  ): Promise<Result<UpstreamAnswer, UpstreamFailure>> {
    const onBroken = (failure: UpstreamFailure): UpstreamFailure => {
      const ended = this.#endedBefore(request);
      if (ended === null) circuit.brokeOff(failure);
      return ended ?? failure;
    };
    try {
      this.#wire ??= this.#load();
      const wire = await this.#wire;
      // Closed meanwhile: what is opened now would never be ended.
      const ended = this.#endedBefore(request);
      return ended === null ? await follow(wire, line, request, onBroken) : fail(ended);
    } catch (bug) {
      circuit.givenUp(admission);
      throw bug;
    }
  }

  /** Why nothing more is to be done for this request, null when there is no such reason. */
  #endedBefore(request: UpstreamRequest): UpstreamFailure | null {
    const { upstream } = this.#options;
    const because = (reason: string): UpstreamFailure => ({ code: "UPSTREAM_UNREACHABLE", url: shownAddress(request.url), reason });
    if (upstream.offline) return because("the mirror is offline");
    if (this.#closing.signal.aborted) return because("the mirror is stopping");
    return request.signal?.aborted ? because("the request was given up") : null;
  }

  #report(line: IndexLine, origin: string, change: CircuitChange, failure: UpstreamFailure | null): void {
    if (change === null) return;
    const what = origin === line.origin ? `Index ${line.name}` : `${origin}, named by index ${line.name},`;
    const fields = { index: line.name, origin };
    if (change === "closed") this.#options.log("info", `${what} answers again`, fields);
    else this.#options.log("warn", `${what} is down: ${explainFailure(failure as UpstreamFailure).message}`, { ...fields, failure });
  }

  /** Who is refused learns why; the log was told when it went down. */
  #refused({ name }: IndexLine, circuit: Circuit, { url }: UpstreamRequest): UpstreamFailure {
    const failure = { ...(circuit.lastFailure as UpstreamFailure), url: shownAddress(url) };
    this.#options.log("debug", `Not asked: index ${name} is down. ${explainFailure(failure).message}`, { index: name, failure });
    return failure;
  }

  async #load(): Promise<Wire> {
    const { upstream, nowMs, env = process.env } = this.#options;
    return {
      dispatchers: await loadDispatchers(upstream),
      upstream,
      proxies: readProxies(env),
      userAgent: `pilotlight/${version()}`,
      nowMs,
    };
  }
}
