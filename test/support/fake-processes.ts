/**
 * Fake processes: a launcher and links whose processes don't exist. Each process
 * and each call given to one has a script: when it is ready, whether it crashes,
 * what it does with the call. They check what the pool may not do (a call to a
 * process that is full, gone or not ready; more processes than there may be) and
 * write down which process was given which call.
 */
import assert from "node:assert/strict";
import { fail, ok, type Result } from "../../src/base/result.ts";
import type { Call, CallFailure } from "../../src/engines/engine.ts";
import type {
  Hello,
  LaunchedProcess,
  Launcher,
  LaunchFailure,
  LaunchOrder,
  ProcessEnd,
} from "../../src/engines/process/launch/launched.ts";
import type { CallEnd, Link, LinkedCall, LinkWay } from "../../src/engines/process/links/link.ts";
import type { PoolClock } from "../../src/engines/process/pool/pool-clock.ts";
import type { LinkMaker } from "../../src/engines/process/pool/pool-parts.ts";

export interface ProcessScript {
  readonly launchMs: number;
  readonly launch: "works" | "fails" | "throws";
  readonly readyMs: number;
  /** Of a program that waits for calls. */
  readonly ready: "says so" | "says nothing" | "exits";
  /** From READY; null lives until it is told to go. */
  readonly livesMs: number | null;
  readonly concurrency: number | null;
  readonly ignoresTerm: boolean;
  /** False: does not answer when it is asked whether it is well. */
  readonly isWell: boolean;
  readonly isOverMemory: boolean;
}

export interface CallScript {
  readonly does: "answer" | "stream" | "throw" | "never" | "unsent" | "crash" | "lose" | "break off" | "mumble";
  readonly afterMs: number;
  /** What it does when it is given up, or failed by its link: ends it at once, later, or never. */
  readonly cancel: "at once" | "later" | "never";
}

export interface FakeHost {
  readonly clock: PoolClock;
  /** How its programs want to be called. */
  readonly way: LinkWay;
  readonly instanceMax: number;
  readonly concurrency: number;
  readonly processes: () => ProcessScript;
  readonly calls: () => CallScript;
  /** Bytes of the call have reached the process. */
  readonly reached: (call: Call, instance: number) => void;
}

const READY_TIMEOUT_MS = 5_000;

export class FakeMachine implements Launcher, LinkMaker {
  readonly living = new Set<FakeProcess>();
  /** Not thrown: whoever launches takes that for a failed launch. */
  readonly faults: string[] = [];
  launchCount = 0;
  closeCount = 0;
  readonly #host: FakeHost;

  constructor(host: FakeHost) {
    this.#host = host;
  }

  async launch(order: LaunchOrder): Promise<Result<LaunchedProcess, LaunchFailure>> {
    if (this.closeCount > 0) this.faults.push("a closed launcher was asked to launch");
    this.launchCount++;
    const script = this.#host.processes();
    await new Promise<void>((resolve) => void this.#host.clock.after(script.launchMs, resolve));
    if (script.launch === "throws") throw new Error("spawn EAGAIN");
    if (script.launch === "fails") return fail({ code: "NO_INTERPRETER", message: "no such interpreter: ruby" });
    const process = new FakeProcess(order, script, this.#host, () => this.living.delete(process));
    this.living.add(process);
    const { instanceMax, way, concurrency } = this.#host;
    const mayLive = way === "stdio" ? Math.max(2 * instanceMax, instanceMax * concurrency) : 2 * instanceMax;
    if (this.living.size > mayLive) this.faults.push(`${this.living.size} processes live, ${mayLive} may`);
    return ok(process);
  }

  close(): void {
    this.closeCount++;
  }

  async open(process: LaunchedProcess, hello: Hello): Promise<Result<Link, LaunchFailure>> {
    await new Promise<void>((resolve) => void this.#host.clock.after(0, resolve));
    return ok(new FakeLink(process as FakeProcess, hello.way as LinkWay, this.#host, false));
  }

  oneShot(process: LaunchedProcess): Link {
    return new FakeLink(process as FakeProcess, "stdio", this.#host, this.#host.way !== "stdio");
  }

  environmentOf(call: Call): Readonly<Record<string, string>> {
    return { REQUEST_METHOD: call.exchange.method };
  }
}

export class FakeProcess implements LaunchedProcess {
  readonly pid: number;
  readonly origin: LaunchedProcess["origin"];
  readonly insteadBecause: string | null;
  readonly spawnMs: number;
  readonly ready: Promise<Result<Hello, LaunchFailure>>;
  readonly stdin = null;
  readonly stdout = null;
  readonly port = 0;
  readonly ring = null;
  readonly ended: Promise<ProcessEnd>;
  readonly order: LaunchOrder;
  readonly script: ProcessScript;
  readonly #clock: PoolClock;
  readonly #end: (end: ProcessEnd) => void;
  readonly #gone: () => void;
  readonly onEnd = new Set<(end: ProcessEnd) => void>();
  #say: (said: Result<Hello, LaunchFailure>) => void = () => {};
  isEnded = false;
  isToldToGo = false;

  constructor(order: LaunchOrder, script: ProcessScript, { clock, way }: FakeHost, gone: () => void) {
    this.pid = 1_000 + order.instance;
    this.order = order;
    this.script = script;
    this.spawnMs = script.launchMs;
    // Every third came from something prepared, every other of those not as asked for.
    this.origin = order.instance % 3 === 0 ? "forked" : "started";
    this.insteadBecause = order.instance % 2 === 0 ? "this machine has no criu" : null;
    this.#clock = clock;
    this.#gone = gone;
    const ended = Promise.withResolvers<ProcessEnd>();
    const ready = Promise.withResolvers<Result<Hello, LaunchFailure>>();
    this.ended = ended.promise;
    this.#end = ended.resolve;
    this.ready = ready.promise;
    this.#say = ready.resolve;
    if (way !== "stdio") this.#live(script, way);
  }

  #live({ ready, readyMs, livesMs, concurrency }: ProcessScript, way: Exclude<LinkWay, "stdio">): void {
    if (ready === "exits") this.#clock.after(readyMs, () => this.die(3, null));
    if (ready === "says so") {
      this.#clock.after(readyMs, () => this.#say(ok({ way, connection: null, concurrency })));
      if (livesMs !== null) this.#clock.after(readyMs + livesMs, () => this.die(1, null));
    }
    this.#clock.after(READY_TIMEOUT_MS, () => this.#say(fail({ code: "READY_TIMEOUT", message: "it said nothing within 5 s" })));
  }

  die(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.isEnded) return;
    this.isEnded = true;
    const told = this.script.isOverMemory ? "SIGKILL (memory limit)" : signal === null ? `exit code ${code}` : signal;
    const end = { code, signal, told };
    for (const tell of this.onEnd) tell(end);
    this.#gone();
    this.#end(end);
    this.#say(fail({ code: "ENDED_EARLY", message: `it ended before READY: ${told}` }));
  }

  terminate(): void {
    this.isToldToGo = true;
    if (!this.script.ignoresTerm) this.#clock.after(2, () => this.die(0, null));
  }

  kill(): void {
    this.isToldToGo = true;
    this.#clock.after(1, () => this.die(null, "SIGKILL"));
  }

  lastErrorLines(): string {
    return "";
  }

  memoryBytes(): number {
    return this.isEnded ? 0 : 1_000;
  }
}

interface FakeOpen {
  readonly call: Call;
  readonly ended: (end: CallEnd) => void;
  readonly script: CallScript;
  hasReached: boolean;
}

class FakeLink implements Link {
  readonly way: LinkWay;
  onBroken: ((why: string) => void) | null = null;
  readonly #process: FakeProcess;
  readonly #host: FakeHost;
  /** A program that waits for calls finds one on its standard input, and takes no notice. */
  readonly #isOnlyShown: boolean;
  readonly #open = new Set<FakeOpen>();
  #isClosed = false;
  #cancelled = 0;
  /** Calls were given up, and nobody knows yet whether the process still answers. */
  #isInDoubt = false;
  #hasStopped = false;

  constructor(process: FakeProcess, way: LinkWay, host: FakeHost, isOnlyShown: boolean) {
    this.#process = process;
    this.#host = host;
    this.#isOnlyShown = isOnlyShown;
    this.way = way;
    process.onEnd.add((end) => this.#lost(`its connection ended with it (${end.told})`));
  }

  get cancelledCount(): number {
    return this.#cancelled;
  }

  begin(call: Call, ended: (end: CallEnd) => void): LinkedCall {
    const { concurrency, clock, calls } = this.#host;
    assert.equal(this.#isClosed, false, "a call was given to a closed link");
    assert.equal(this.#hasStopped, false, "a call was given to a process that was asked to stop");
    assert.equal(this.#process.isToldToGo, false, "a call was given to a process that was told to go");
    assert.equal(this.#isInDoubt, false, "a call was given to a process that may not answer any more");
    const most = this.way === "stdio" ? 1 : Math.min(concurrency, this.#process.script.concurrency ?? concurrency);
    assert.ok(this.#open.size + this.#cancelled < most, "a process was given more calls than it takes");
    const script: CallScript = this.#isOnlyShown ? { does: "never", afterMs: 0, cancel: "at once" } : calls();
    const open = { call, ended, script, hasReached: false };
    this.#open.add(open);
    if (script.does !== "unsent" && !this.#isOnlyShown) this.#reach(open);
    clock.after(script.afterMs, () => this.#act(open));
    return { abandon: (failure) => this.#abandon(open, failure) };
  }

  isHealthy(timeoutMs: number): Promise<boolean> {
    const isWell = this.#process.script.isWell || this.way === "http" || this.way === "stdio";
    return new Promise((resolve) => {
      this.#host.clock.after(isWell ? 1 : timeoutMs, () => {
        if (isWell) this.#isInDoubt = false;
        resolve(isWell && !this.#isClosed);
      });
    });
  }

  askToStop(): void {
    this.#hasStopped = true;
    if ((this.way === "ring" || this.way === "frames") && !this.#process.script.ignoresTerm) {
      this.#host.clock.after(3, () => this.#process.die(0, null));
    }
  }

  close(why: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const open of [...this.#open]) this.#endLost(open, why);
  }

  #reach(open: FakeOpen): void {
    open.hasReached = true;
    this.#host.reached(open.call, this.#process.order.instance);
  }

  #end(open: FakeOpen, end: CallEnd): void {
    assert.ok(this.#open.delete(open));
    open.ended(end);
  }

  #endLost(open: FakeOpen, why: string): void {
    if (open.hasReached) this.#end(open, { kind: "failed", failure: { code: "SANDBOX_LOST", message: why }, isSpent: true });
    else this.#end(open, { kind: "unsent", why });
  }

  #lost(why: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onBroken?.(why);
    for (const open of [...this.#open]) this.#endLost(open, why);
  }

  #abandon(open: FakeOpen, failure: CallFailure): void {
    if (!this.#open.has(open)) return;
    this.#isInDoubt = true;
    if (this.way === "ring" || this.way === "frames") this.#cancel(open.script);
    this.#end(open, open.call.exchange.aborted ? { kind: "answered" } : { kind: "failed", failure, isSpent: false });
  }

  #cancel({ cancel }: CallScript): void {
    if (cancel === "at once") return;
    this.#cancelled++;
    if (cancel === "later") this.#host.clock.after(40, () => this.#cancelled--);
  }

  #act(open: FakeOpen): void {
    if (!this.#open.has(open)) return;
    const { exchange } = open.call;
    switch (open.script.does) {
      case "answer":
        exchange.respond(200, "", "ok");
        this.#answered(open);
        return;
      case "stream":
        exchange.start(200, "", null);
        this.#host.clock.after(open.script.afterMs, () => {
          if (!this.#open.has(open)) return;
          exchange.end();
          this.#answered(open);
        });
        return;
      case "break off":
        exchange.start(200, "", null);
        this.#host.clock.after(open.script.afterMs, () => this.#process.die(1, null));
        return;
      case "throw":
        this.#end(open, { kind: "failed", failure: { code: "HANDLER_THREW", message: "ValueError" }, isSpent: false });
        if (this.way === "stdio") this.#process.die(1, null);
        return;
      case "mumble":
        if (this.way === "ring" || this.way === "frames") this.#cancel(open.script);
        this.#end(open, { kind: "failed", failure: { code: "INVALID_ANSWER", message: "status 999" }, isSpent: false });
        if (this.way === "stdio") this.#process.die(0, null);
        return;
      case "unsent":
        this.#end(open, { kind: "unsent", why: "there was no room for it" });
        return;
      case "lose":
        this.#end(open, { kind: "failed", failure: { code: "SANDBOX_LOST", message: "the connection was reset" }, isSpent: false });
        return;
      case "crash":
        this.#process.die(139, null);
        return;
      case "never":
        return;
    }
  }

  #answered(open: FakeOpen): void {
    this.#end(open, { kind: "answered" });
    if (this.way === "stdio") this.#process.die(0, null);
  }
}
