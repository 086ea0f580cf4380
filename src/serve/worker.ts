/**
 * Worker: takes connections, finds the function of each request, and runs it.
 * Shares nothing with other workers on the request path; what it needs comes
 * with the `start` message, what it says goes through `send`.
 */
import type { Socket } from "node:net";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { Config } from "../config/config.ts";
import { isInTurn } from "../engines/isolate/turn-runner.ts";
import type { Exchange } from "../http/exchange.ts";
import { carryReason } from "../http/forwarded-reason.ts";
import { createListener, type Listener } from "../http/listener.ts";
import type { StaticFiles } from "../http/static-files.ts";
import { CredentialsError } from "../http/tls-credentials.ts";
import type { GcObserver } from "../telemetry/gc-observer.ts";
import { LogBatch } from "../telemetry/log-batch.ts";
import type { LogLevel } from "../telemetry/log-record.ts";
import type { FunctionMetrics, MetricsSnapshot } from "../telemetry/metrics.ts";
import { BuildRequests } from "./build-requests.ts";
import { connectionsThatFit, openFilesMaxCount } from "./descriptor-limit.ts";
import { createFlightRecord, type FlightRecord } from "./flight-record.ts";
import { FLIGHT_SLOT_COUNT } from "./flight-slots.ts";
import { Forwarder } from "./forwarder.ts";
import { Front } from "./front.ts";
import { functionRoute } from "./function-route.ts";
import { FunctionRuntime, type RuntimeHost } from "./function-runtime.ts";
import type { BundleRef, Deployment } from "./function-spec.ts";
import { GuestLogs } from "./guest-logs.ts";
import { JOB_HEADER, WorkerJobs } from "./jobs/worker-jobs.ts";
import type { FromWorker, Listen, Placement, ToWorker } from "./messages.ts";
import { OwnMemory } from "./own-memory.ts";
import { OwnPorts, sumOfCounters } from "./own-ports.ts";
import { bindFailure } from "./port-probe.ts";
import { createRouter } from "./router.ts";
import { SandboxBudget } from "./sandbox-budget.ts";
import { ServerAnswers } from "./server-answers.ts";
import { Engines, mapStack, type OnGuestLog, type Send, type StartMessage, staticFilesOf } from "./worker-parts.ts";

/** Calls a dedicated worker must survive before its function leaves probation. */
const CLEARED_AFTER_CALLS = 20;
const CLEARED_AFTER_MS = 10_000;
/** Not the id of any question: the last counts, sent on leaving. */
const UNASKED = 0;

type ProfileMessage = Extract<ToWorker, { type: "profile" }>;
type ProfiledMessage = Extract<FromWorker, { type: "profiled" }>;

interface Parts {
  readonly engines: Engines;
  readonly flight: FlightRecord;
  readonly logs: LogBatch;
  readonly guestLogs: GuestLogs;
  readonly staticFiles: StaticFiles | null;
}

export class Worker {
  readonly #send: Send;
  readonly #config: Config;
  readonly #engines: Engines;
  readonly #flight: FlightRecord;
  readonly #builds: BuildRequests;
  readonly #logs: LogBatch;
  readonly #guestLogs: GuestLogs;
  readonly #forwarder: Forwarder;
  readonly #front: Front;
  readonly #listener: Listener;
  /** null in a worker that others forward to, and where ports can't be shared. */
  readonly #ownPorts: OwnPorts | null;
  /** Loaded once the worker listens. */
  #gc: GcObserver | null = null;
  readonly #budget: SandboxBudget<FunctionRuntime>;
  #runtimes = new Map<string, FunctionRuntime>();
  /** Replaced or removed by a deployment, with calls still open. */
  readonly #retired = new Set<FunctionRuntime>();
  /** What those had counted that are gone: a counter must not fall at a reload. */
  #departed: readonly FunctionMetrics[] = [];
  readonly #answers: ServerAnswers;
  readonly jobs: WorkerJobs<FunctionRuntime>;
  /** The one function of a dedicated worker, until it has proved itself; else null. */
  #dedicatedTo: string | null;
  readonly #startedMs = performance.now();
  readonly #memory = new OwnMemory();
  #draining = false;

  /** Loads the snapshot, deploys, and listens. */
  static async start(message: StartMessage, send: Send): Promise<Result<Worker>> {
    const { config } = message;
    const flight = createFlightRecord(message.flightFile, FLIGHT_SLOT_COUNT);
    const logs = new LogBatch((lines, sent) => send({ type: "log", lines }, sent));
    const guestLogs = new GuestLogs({ write: (record) => logs.write(record), mapStack });
    let bundleOf = (_functionId: string): BundleRef | null => null;
    const onGuestLog: OnGuestLog = (functionId, level, text) => guestLogs.write({ functionId, level, message: text }, bundleOf(functionId));
    let onJobQueued = (): void => {};
    const engines = await Engines.open(message, { flight, onGuestLog, send, onJobQueued: () => onJobQueued() });
    const worker = new Worker(message, send, { engines, flight, logs, guestLogs, staticFiles: await staticFilesOf(config) });
    bundleOf = (functionId) => worker.#runtimes.get(functionId)?.bundle ?? null;
    onJobQueued = worker.jobs.wake;
    const failure = await worker.#listen(message.listen);
    return failure === null ? ok(worker) : fail(failure);
  }

  private constructor(message: StartMessage, send: Send, parts: Parts) {
    const { config, listen, deployment } = message;
    const { staticFiles } = parts;
    this.#send = send;
    this.#config = config;
    this.#budget = new SandboxBudget(config.sandboxMemoryBudgetBytes);
    this.#engines = parts.engines;
    this.#flight = parts.flight;
    this.#logs = parts.logs;
    this.#guestLogs = parts.guestLogs;
    this.#dedicatedTo = listen.kind === "unix" ? (deployment.functions[0]?.id ?? null) : null;
    this.#builds = new BuildRequests((functionId) => send({ type: "build", functionId }));
    this.#forwarder = new Forwarder({
      wake: (functionId) => send({ type: "wake", functionId }),
      refused: (functionId, status, reason) => {
        this.#runtimes.get(functionId)?.counters.answered(status, 0);
        this.#log("warn", `Did not forward to ${functionId}: ${reason}`, { function: functionId, status });
      },
      showsErrors: config.mode === "dev",
    });
    // Behind another worker its answers get their CORS lines there.
    const cors = config.cors && listen.kind !== "unix";
    this.#answers = new ServerAnswers(config.quiet ? null : (...record) => this.#log(...record));
    const listRoutes = config.mode === "dev" ? () => [...this.#runtimes.values()].map(({ spec }) => spec.route) : null;
    const isReady = (): boolean => !this.#draining;
    this.jobs = this.#createJobs(listen);
    const jobs = listen.kind === "unix" ? null : this.jobs;
    const options = { cors, staticFiles, jobs, forwarder: this.#forwarder, answers: this.#answers, isReady, isInTurn, listRoutes };
    this.#front = new Front(options, createRouter<FunctionRuntime>([]));
    this.#listener = this.#createListener(listen.kind === "unix" ? this.#forwarded : this.#front.handle);
    this.#ownPorts = listen.kind === "tcp" ? this.#createOwnPorts(listen.host) : null;
    void this.deploy(message.deployment, message.placements);
  }

  /** Functions that did not change keep their sandboxes; the others' drain and close. Resolves when ports of functions are open. */
  deploy(deployment: Deployment, placements: readonly Placement[]): Promise<void> {
    const before = this.#runtimes;
    this.#runtimes = new Map();
    for (const spec of deployment.functions) {
      const known = before.get(spec.id);
      const kept = known?.serves(spec) === true;
      this.#runtimes.set(spec.id, kept ? known : new FunctionRuntime(spec, this.#runtimeHost()));
      if (kept) before.delete(spec.id);
    }
    this.place(placements);
    this.#front.router = createRouter([...this.#runtimes.values()].map((runtime) => functionRoute(runtime.spec, runtime)));
    this.jobs.deployed();
    for (const runtime of before.values()) {
      this.#budget.delete(runtime);
      this.#retired.add(runtime);
      runtime.retire();
    }
    // Not within the turn that answers wait for.
    setImmediate(() => this.#warmUp());
    return this.#ownPorts?.deploy(deployment.functions) ?? Promise.resolve();
  }

  /** Where a function lives in a worker of its own, it is warmed up there. */
  #warmUp(): void {
    if (this.#draining) return;
    for (const runtime of this.#runtimes.values()) {
      const { process, id } = runtime.spec;
      if (process !== null && process.instanceMin > 0 && this.#forwarder.placementOf(id) === undefined) runtime.warmUp();
    }
  }

  place(placements: readonly Placement[]): void {
    this.#forwarder.place(placements);
  }

  built(message: Extract<ToWorker, { type: "built" }>): void {
    this.#builds.built(message.functionId, message.bundle, message.failure);
  }

  connection(socket: Socket): void {
    this.#listener.adopt(socket);
  }

  /** Every 500 ms: tells the supervisor that the loop turns, and keeps sandboxes within their budget. */
  heartbeat(): void {
    const inFlight = new Set<string>();
    for (const runtime of this.#everyRuntime()) if (runtime.inFlight > 0) inFlight.add(runtime.spec.id);
    this.#flight.rest();
    this.#budget.keep();
    this.#clear();
    if (this.#retired.size > 0) void this.#buryDrained();
    this.#send({ type: "heartbeat", residentBytes: this.#memory.residentBytes(), inFlight: [...inFlight] });
  }

  collect(): MetricsSnapshot {
    const counters = sumOfCounters([this.#listener.counters, ...(this.#ownPorts?.counters ?? [])]);
    return {
      pid: process.pid,
      residentBytes: this.#memory.residentBytes(),
      heapUsedBytes: this.#memory.heapUsedBytes(),
      gcCount: this.#gc?.count ?? 0,
      gcPauseSumUs: this.#gc?.pauseSumUs ?? 0,
      connectionsOpen: counters.connectionsOpen,
      connectionsTotal: counters.connectionsTotal,
      refusedByStatus: counters.refusedByStatus,
      serverAnswers: this.#answers.counts(),
      functions: [...this.#everyRuntime().map((runtime) => runtime.metrics()), ...this.#departed],
    };
  }

  /** A profile of this process; only of a worker that was started for it. */
  async profile({ kind, durationMs }: Pick<ProfileMessage, "kind" | "durationMs">): Promise<Pick<ProfiledMessage, "profile" | "failure">> {
    try {
      const { profileProcess } = await import("../engines/javascript/inspected-engine.ts");
      return { profile: await profileProcess(kind, durationMs), failure: null };
    } catch (error) {
      return { profile: null, failure: { code: "PROFILE_FAILED", message: `Cannot profile: ${(error as Error).message}` } };
    }
  }

  /** Of what is a job where it came from, it is kept there why it failed. */
  readonly #forwarded = (exchange: Exchange): void => {
    if (exchange.header(JOB_HEADER) !== undefined) carryReason(exchange);
    this.#front.handle(exchange);
  };

  #everyRuntime(): FunctionRuntime[] {
    return [...this.#runtimes.values(), ...this.#retired];
  }

  /** Keeps the counts of retired runtimes that are done, and lets go of them. */
  async #buryDrained(): Promise<void> {
    const { buryFunctions } = await import("../telemetry/aggregate.ts");
    const drained = [...this.#retired].filter((runtime) => runtime.drained);
    this.#departed = buryFunctions([...this.#departed, ...drained.map((runtime) => runtime.metrics())]);
    for (const runtime of drained) this.#retired.delete(runtime);
  }

  /** Answers what is in flight and what is queued at the listener, then lets go of the port. */
  async drain(graceMs: number): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    const startMs = performance.now();
    await Promise.all([
      this.#listener.drain(graceMs, () => this.#send({ type: "letGo" })),
      this.#ownPorts?.drain(graceMs),
      this.jobs.drain(graceMs),
    ]);
    for (const runtime of this.#runtimes.values()) runtime.retire();
    await this.#engines.drained(Math.max(0, graceMs - (performance.now() - startMs)));
    // Ends the watchdog's thread: process.exit would wait for it.
    this.#budget.close();
    await this.#engines.close();
    await this.#guestLogs.flush();
    await new Promise<void>((resolve) => {
      this.#logs.flush();
      this.#send({ type: "collected", requestId: UNASKED, metrics: this.collect() });
      this.#send({ type: "drained" }, resolve);
    });
  }

  /** What keeps it from listening and somebody can mend; null when it listens. */
  async #listen(listen: Listen): Promise<Failure | null> {
    try {
      this.#send({ type: "listening", port: await this.#bind(listen) });
    } catch (error) {
      if (error instanceof CredentialsError) return error.failure;
      if (listen.kind === "tcp") return bindFailure(error as NodeJS.ErrnoException, listen.host, listen.port);
      throw error;
    }
    void this.#observeGc();
    this.#listener.limitConnections(connectionsThatFit(openFilesMaxCount(), this.#config.http.connectionMaxCount));
    return null;
  }

  /** The port; null when others know the way. */
  async #bind(listen: Listen): Promise<number | null> {
    if (listen.kind === "tcp") return this.#listener.listenTcp({ host: listen.host, port: listen.port, reusePort: true });
    if (listen.kind === "unix") await this.#listener.listenUnix(listen.path);
    else this.#listener.prepareToAdopt();
    return null;
  }

  async #observeGc(): Promise<void> {
    const { GcObserver } = await import("../telemetry/gc-observer.ts");
    this.#gc = new GcObserver();
    this.#gc.start();
  }

  #runtimeHost(): RuntimeHost {
    const config = this.#config;
    return {
      engineOf: (name) => this.#engines.of(name),
      poolWaitTimeoutMs: config.poolWaitTimeoutMs,
      poolMetricsEvery: config.quiet ? 0 : config.poolMetricsEvery,
      accessLog: !config.quiet,
      showsErrors: config.mode === "dev",
      build: (functionId) => this.#builds.build(functionId),
      log: (level, message, fields) => this.#log(level, message, fields),
      guestLogs: this.#guestLogs,
      mapStack,
      excerpt: async (stack, bundle) => (await import("../engines/javascript/source-map.ts")).excerptOf(stack, bundle.mapFile),
      opened: (runtime) => {
        // Processes are no memory of this one's, and leave by themselves when nobody calls.
        if (runtime.spec.engine !== "process") this.#budget.add(runtime);
      },
    };
  }

  #createListener(onExchange: (exchange: Exchange) => void): Listener {
    const { http, tls } = this.#config;
    return createListener({
      limits: http,
      tls,
      onExchange,
      onInvalidAnswer: (exchange, reason) => this.#log("error", reason, { method: exchange.method, path: exchange.target }),
      log: (level, text) => this.#log(level, text, {}),
      onRefused: (status, reason, remoteAddress) => this.#log("warn", `Refused a request: ${reason}`, { status, remoteAddress }),
    });
  }

  #createOwnPorts(host: string): OwnPorts {
    return new OwnPorts({
      host,
      createListener: (onExchange) => this.#createListener(onExchange),
      onExchange: (functionId, exchange) => this.#front.enterOwn(exchange, this.#runtimes.get(functionId) ?? null),
      log: (...record) => this.#log(...record),
    });
  }

  #createJobs(listen: Listen): WorkerJobs<FunctionRuntime> {
    return new WorkerJobs({
      dataDir: this.#config.dataDir,
      policy: this.#config.jobs,
      answers: this.#answers,
      runs: this.#config.jobs.concurrency === 0 ? "nowhere" : listen.kind === "unix" ? "elsewhere" : "here",
      log: (...record) => this.#log(...record),
      openStore: () => this.#engines.openStore(),
      targets: () => [...this.#runtimes.values()],
      call: (...call) => this.#front.call(...call),
      tell: (event) => this.#send({ type: "jobs", event }),
    });
  }

  /** A dedicated worker's function has answered often, or for long, without harm: it is told once. */
  #clear(): void {
    if (this.#dedicatedTo === null) return;
    const callCount = this.#runtimes.get(this.#dedicatedTo)?.callCount ?? 0;
    const livedLong = callCount > 0 && performance.now() - this.#startedMs > CLEARED_AFTER_MS;
    if (callCount < CLEARED_AFTER_CALLS && !livedLong) return;
    this.#send({ type: "cleared", functionId: this.#dedicatedTo });
    this.#dedicatedTo = null;
  }

  #log(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#logs.write({ time: Date.now(), level, message, ...fields });
  }
}
