/**
 * Process sandbox: the pool of one function's instances in this worker, as the
 * engine contract knows it. Takes calls into its book and hands them to whoever
 * keeps the processes; which keeper that is may turn out at the first start.
 */
import { assert } from "../../../base/assert.ts";
import type { Call, CallFailure, Sandbox } from "../../engine.ts";
import type { LinkWay } from "../links/link.ts";
import { CallBook } from "./call-book.ts";
import { type Discovery, FirstStart } from "./first-start.ts";
import { InstancePool } from "./instance-pool.ts";
import type { Keeper } from "./keeper.ts";
import { OneShotRuns } from "./one-shot-runs.ts";
import type { PoolParts } from "./pool-parts.ts";
import type { PoolNow } from "./process-counters.ts";

export interface SandboxHost {
  /** How it is called; null until its first start has told. */
  readonly way: LinkWay | null;
  discovered(way: LinkWay): void;
  /** Closed, and no process of it is left. */
  emptied(sandbox: ProcessSandbox): void;
}

export class ProcessSandbox implements Sandbox {
  readonly #parts: PoolParts;
  readonly #host: SandboxHost;
  readonly #book: CallBook;
  #keeper: Keeper;
  #isRetired = false;
  #isClosed = false;

  constructor(parts: PoolParts, host: SandboxHost) {
    const { functionId, timeoutMs, settings, clock } = parts;
    this.#parts = parts;
    this.#host = host;
    this.#book = new CallBook({ functionId, timeoutMs, queueMax: Math.max(1, settings.queueMax), clock });
    this.#book.onEmpty = () => {
      if (this.#isRetired) this.#finish();
    };
    this.#keeper = this.#keeperFor(host.way);
    if (settings.instanceMin > 0) void this.#keeper.warmUp();
  }

  /** Hot path. */
  invoke(call: Call): void {
    if (this.#isClosed || this.#isRetired) {
      call.fail({ code: "SANDBOX_CLOSED", message: `The instances of ${this.#parts.functionId} take no more calls` });
      return;
    }
    // A client that left has had its end already.
    if (call.exchange.aborted) return;
    const book = this.#book;
    const pooled = book.admit(call);
    if (book.waitingCount === 0 && this.#keeper.tryTake(pooled)) return;
    if (book.lineUp(pooled)) this.#keeper.serveWaiting();
    else book.fail(pooled, this.#lineIsFull());
  }

  warmUp(): Promise<CallFailure | null> {
    return this.#keeper.warmUp();
  }

  get busyCount(): number {
    return this.#book.openCount;
  }

  get closed(): boolean {
    return this.#isClosed;
  }

  retire(): void {
    if (this.#isRetired || this.#isClosed) return;
    this.#isRetired = true;
    this.#keeper.retire();
    if (this.#book.openCount === 0) this.#finish();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#book.failAll({ code: "SANDBOX_CLOSED", message: `The instances of ${this.#parts.functionId} were closed` });
    this.#keeper.stop();
  }

  /** Without giving its processes the time to leave. */
  kill(): void {
    this.close();
    this.#keeper.kill("the server ends");
  }

  heapUsedBytes(): number {
    return this.#keeper.memoryBytes();
  }

  now(): PoolNow {
    return { states: this.#keeper.states(), busyInstances: this.#keeper.busyCount, waitingCalls: this.#book.waitingCount };
  }

  #finish(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#keeper.stop();
  }

  #keeperFor(way: LinkWay | null): Keeper {
    const keeper =
      way === null
        ? new FirstStart(this.#parts, this.#book, (discovery) => this.#becomes(discovery))
        : way === "stdio"
          ? new OneShotRuns(this.#parts, this.#book)
          : new InstancePool(this.#parts, this.#book, way);
    keeper.onEmptied = () => this.#host.emptied(this);
    return keeper;
  }

  #becomes(discovery: Discovery): void {
    const { way } = discovery;
    assert(way !== "fork" && way !== "snapshot", "a launcher handed out a process that is only for itself");
    this.#host.discovered(way);
    this.#keeper = this.#keeperFor(way);
    if (this.#isRetired) this.#keeper.retire();
    if (this.#keeper instanceof InstancePool && "adopted" in discovery) void this.#keeper.adopt(discovery.adopted);
    this.#keeper.serveWaiting();
    // Its last call was the one that told.
    if (this.#isClosed) this.#keeper.stop();
  }

  #lineIsFull(): CallFailure {
    const { functionId, settings } = this.#parts;
    return {
      code: "NO_INSTANCE",
      message: `All instances of ${functionId} are busy (at most ${settings.instanceMax}), and ${this.#book.waitingCount} calls wait for one`,
    };
  }
}
