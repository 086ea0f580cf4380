/**
 * Fork launcher: instances of a function as forks of one process that has done
 * its imports (`snapshot: fork`). Keeps one fork server, starts it again when it
 * died, with growing pauses, and starts an instance plainly whenever it can't be
 * forked: a start is slower then, and says why.
 */
import type { Socket } from "node:net";
import { type Backoff, createBackoff } from "../../../base/backoff.ts";
import { fail, ok, type Result } from "../../../base/result.ts";
import { formatDuration } from "../../../base/units.ts";
import { ForkServer } from "./fork-server.ts";
import { ForkedProcess } from "./forked-process.ts";
import type { LaunchedProcess, Launcher, LaunchFailure, LaunchOrder } from "./launched.ts";
import type { MachineFacts } from "./machine-facts.ts";
import type { ProcessLog } from "./output-reader.ts";
import { type LaunchSubject, PLAIN, PlainLauncher } from "./plain-launcher.ts";

/** The fork server's own number among the instances, which begin with 1. */
const FORK_SERVER_INSTANCE = 0;

export class ForkLauncher implements Launcher {
  readonly #subject: LaunchSubject;
  readonly #plain: PlainLauncher;
  readonly #backoff: Backoff = createBackoff();
  /** Starting, or there; its fault is a phrase. Null before the first and after its end. */
  #server: Promise<Result<ForkServer, string>> | null = null;
  /** Of the fork server, from its start on. */
  #process: LaunchedProcess | null = null;
  #startNotBeforeMs = 0;
  #lastFault = "";
  #isClosed = false;

  constructor(subject: LaunchSubject, facts: MachineFacts, log: ProcessLog) {
    this.#subject = subject;
    this.#plain = new PlainLauncher(subject, facts, log);
  }

  async launch(order: LaunchOrder): Promise<Result<LaunchedProcess, LaunchFailure>> {
    const forked = await this.#fork(order);
    if (forked.ok) return forked;
    return this.#plain.start(order, { ...PLAIN, insteadBecause: forked.failure });
  }

  close(): void {
    this.#isClosed = true;
    this.#process?.kill();
    this.#plain.close();
  }

  /** The fault is a phrase: why it is started plainly instead. */
  async #fork(order: LaunchOrder): Promise<Result<LaunchedProcess, string>> {
    if (order.ownsStdio || Object.keys(order.moreEnv).length > 0)
      return fail(
        "a start with input and environment of its own can't be forked (a one-shot call, or the first, which tells how it is called)",
      );
    const server = await this.#forkServer();
    if (!server.ok) return server;
    const made = new DisposableStack();
    try {
      const result = await this.#forkFrom(server.value, order, made);
      if (!result.ok) made.dispose();
      return result;
    } catch (error) {
      made.dispose();
      return fail((error as Error).message);
    }
  }

  async #forkFrom(server: ForkServer, order: LaunchOrder, made: DisposableStack): Promise<Result<LaunchedProcess, string>> {
    const { functionId, settings, memoryMaxBytes } = this.#subject;
    const startedAtMs = performance.now();
    const socket = await this.#plain.openSocket();
    made.defer(() => socket.close());
    const ring = order.withRing ? this.#plain.makeRing() : ok(null);
    if (!ring.ok) return fail(ring.failure.message);
    made.defer(() => ring.value?.close());
    const child = await server.fork(order.instance, socket.path, ring.value);
    if (!child.ok) return child;
    const cgroup = this.#plain.makeCgroup(socket.path);
    if (cgroup !== null && !cgroup.adopt(child.value.pid))
      this.#plain.note(`${functionId}: a forked process can't be moved to its control group`);
    const forked = new ForkedProcess({
      child: child.value,
      spawnMs: performance.now() - startedAtMs,
      memoryMaxBytes,
      processMax: settings.processMax,
      cgroup,
      ring: ring.value,
      mark: `PILOTLIGHT_SOCKET=${socket.path}`,
      lastErrorLines: () => server.lastErrorLines(),
      cleanUp: () => made.dispose(),
    });
    forked.ready = socket.hear(
      {
        functionId,
        expected: settings.call,
        timeoutMs: settings.readyTimeoutMs,
        port: 0,
        ownerOf: () => "unknown",
        lastErrorLines: () => forked.lastErrorLines(),
      },
      forked.ended,
    );
    return ok(forked);
  }

  #forkServer(): Promise<Result<ForkServer, string>> {
    if (this.#isClosed) return Promise.resolve(fail("its launcher is closed"));
    if (this.#server !== null) return this.#server;
    const waitMs = this.#startNotBeforeMs - performance.now();
    if (waitMs > 0)
      return Promise.resolve(fail(`${this.#lastFault}; it is started again in ${formatDuration(Math.ceil(waitMs))} at the earliest`));
    this.#server = this.#startServer();
    return this.#server;
  }

  async #startServer(): Promise<Result<ForkServer, string>> {
    const startedAtMs = performance.now();
    const order: LaunchOrder = { instance: FORK_SERVER_INSTANCE, withRing: false, moreEnv: {}, ownsStdio: false };
    const started = await this.#plain.start(order, { ...PLAIN, role: "fork server" });
    if (!started.ok) return this.#died(startedAtMs, started.failure.message);
    this.#process = started.value;
    if (this.#isClosed) started.value.kill();
    const ready = await started.value.ready;
    if (!ready.ok || this.#isClosed) {
      started.value.kill();
      return this.#died(startedAtMs, ready.ok ? "it was closed" : ready.failure.message);
    }
    const server = new ForkServer(started.value, ready.value.connection as Socket);
    void server.ended.then((end) => {
      this.#died(startedAtMs, `it ended: ${end.told}`);
    });
    return ok(server);
  }

  #died(startedAtMs: number, why: string): Result<never, string> {
    const nowMs = performance.now();
    this.#server = null;
    this.#lastFault = `no fork server: ${why}`;
    this.#startNotBeforeMs = nowMs + this.#backoff.died(nowMs - startedAtMs);
    return fail(this.#lastFault);
  }
}
