/**
 * Supervisor: starts the workers, keeps them alive, tells them what to serve,
 * and answers for them to the operator. Takes no request itself: what happens
 * here must never be on the path of one.
 * The first worker is forked before anything else is loaded, because the time
 * from spawn to the first answer is its boot plus whatever precedes it.
 */
import { rm } from "node:fs";
import type { Socket } from "node:net";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { Config } from "../config/config.ts";
import { LogHub, type Sink } from "../telemetry/log-hub.ts";
import type { LogLevel } from "../telemetry/log-record.ts";
import { createSocketPaths, type SocketPaths, sweepLeavings } from "./data-files.ts";
import { DedicatedWorkers, FAREWELL_MS } from "./dedicated-workers.ts";
import { flightKey, readFlightRecord } from "./flight-record.ts";
import { type Handoff, listenAndHandOff, sharesPorts } from "./handoff.ts";
import { HEARTBEAT_TICK_MS } from "./heartbeat.ts";
import { LiveDeployment, type Workshop } from "./live-deployment.ts";
import type { FromWorker, Listen, ToWorker } from "./messages.ts";
import { PlacementTable } from "./placement.ts";
import { claimPort, formatAddress, type PortClaim } from "./port-probe.ts";
import { type ProfileRequest, WorkerCounts } from "./worker-counts.ts";
import { describeExit, type Launch, WORKER_ENTRY_FILE, type WorkerExit, WorkerProcess } from "./worker-process.ts";
import { DRAIN_GRACE_MS, type RestartReason, type SlotHost, WorkerSlot } from "./worker-slot.ts";

export interface SupervisorOptions {
  /** Where log lines go. */
  readonly sink: Sink;
  /** Lines for people (dev) instead of JSON. */
  readonly style?: ((line: string) => string) | null;
  /** The configuration anew, for a reload; the one from the start when absent. */
  readonly reconfigure?: () => Promise<Result<Config, readonly Failure[]>>;
  /** A worker that was forked even before the configuration was known, for this data folder. */
  readonly prefork?: WorkerProcess;
  readonly workshop?: Workshop;
  readonly workerEntryFile?: string;
  /** Whether the supervisor accepts connections; as the platform needs it when absent. */
  readonly handsOff?: boolean;
  readonly drainGraceMs?: number;
}

export interface Addresses {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

/** A runaway eats memory meanwhile: its neighbours' open calls get this long to end. */
const RUNAWAY_GRACE_MS = 2_000;

/** After a profile: what the function's last calls there may take. */
const PROFILE_DRAIN_MS = 5_000;

/** The first boot is tried this often before the server gives up; later ones are tried for ever. */
const FIRST_BOOTS_MAX = 5;

export class Supervisor implements SlotHost {
  readonly config: Config;
  readonly logs: LogHub;
  readonly live: LiveDeployment;
  readonly placement: PlacementTable;
  readonly counts = new WorkerCounts();
  readonly restartsByReason: Partial<Record<RestartReason, number>> = {};
  readonly startedAtMs = Date.now();
  readonly #options: SupervisorOptions;
  readonly #workshop: Promise<Workshop>;
  readonly #shared: WorkerSlot[];
  readonly #dedicated: DedicatedWorkers;
  readonly #sockets: SocketPaths;
  /** Slots that profile a function for a while, and their sockets. */
  readonly #profilers = new Map<WorkerSlot, string>();
  #profileCount = 0;
  readonly #launch: Launch;
  readonly #drainGraceMs: number;
  #prefork: WorkerProcess | null;
  #snapshotFile: string | null = null;
  #port: number;
  #claim: PortClaim | null = null;
  #handoff: Handoff | null = null;
  #nextTaker = 0;
  #ticker: NodeJS.Timeout | null = null;
  #onFirstListening: ((outcome: Result<number>) => void) | null = null;
  #reloading: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | null = null;

  constructor(config: Config, options: SupervisorOptions) {
    this.config = config;
    this.#options = options;
    this.#port = config.port;
    this.#drainGraceMs = options.drainGraceMs ?? DRAIN_GRACE_MS;
    this.#prefork = options.prefork ?? null;
    this.#launch = {
      entryFile: options.workerEntryFile ?? WORKER_ENTRY_FILE,
      dataDir: config.dataDir,
    };
    this.#shared = Array.from({ length: config.workerCount }, (_, index) => {
      return new WorkerSlot(String(index), null, config.workerMemoryMaxBytes, this);
    });
    this.#shared[0]?.start();
    this.#workshop =
      options.workshop === undefined ? import("./workshop.ts").then((module) => module.workshop) : Promise.resolve(options.workshop);
    this.logs = new LogHub(options.sink, options.style ?? null);
    this.live = new LiveDeployment(config, {
      makeDeployment: async (...args) => (await this.#workshop).makeDeployment(...args),
      build: async (...args) => (await this.#workshop).build(...args),
      snapshotFile: async (...args) => (await this.#workshop).snapshotFile(...args),
    });
    this.#sockets = createSocketPaths(config.dataDir);
    this.placement = new PlacementTable((functionId) => this.#sockets.of(functionId));
    this.#dedicated = new DedicatedWorkers({
      createSlot: (functionId) => new WorkerSlot(functionId, functionId, config.workerMemoryMaxBytes, this),
      callCount: (slot) => this.counts.callCount(slot.worker),
      drainGraceMs: this.#drainGraceMs,
    });
  }

  /** Resolves when every worker listens, or has had its first chance to. */
  async start(): Promise<Result<Addresses, readonly Failure[]>> {
    const [claimed, deployed, snapshot] = await Promise.all([this.#claimPort(), this.live.renew(this.config), this.#findSnapshot()]);
    const failures = [claimed, deployed, snapshot].flatMap((one) => (one.ok ? [] : [one.failure].flat()));
    if (failures.length > 0 || !deployed.ok) return this.#giveUp(failures);
    this.placement.deploy(this.live.identified());
    this.#startTicking();
    const listening = new Promise<Result<number>>((resolve) => {
      this.#onFirstListening = resolve;
    });
    for (const slot of this.#shared) slot.sendStart();
    const first = await listening;
    this.#onFirstListening = null;
    if (!first.ok) return this.#giveUp([first.failure]);
    if (this.#handoff === null) this.#port = first.value;
    await this.#startOthers();
    sweepLeavings(this.config.dataDir);
    for (const notice of deployed.value.notices) this.record("warn", notice);
    return ok(this.addresses);
  }

  get addresses(): Addresses {
    const { host, tls } = this.config;
    return { host, port: this.#port, url: `${tls === null ? "http" : "https"}://${formatAddress(host, this.#port)}` };
  }

  get slots(): readonly WorkerSlot[] {
    return [...this.#shared, ...this.#dedicated.slots];
  }

  dedicatedSlot(functionId: string): WorkerSlot | null {
    return this.#dedicated.slotOf(functionId);
  }

  /** Serves what is on disk now. On failure the old deployment stays, and the log says why. */
  reload(): Promise<Result<void, readonly Failure[]>> {
    const reloading = this.#reloading.then(() => this.#reload());
    this.#reloading = reloading.catch(() => {});
    return reloading;
  }

  /** Drains every worker. `force` kills them at once, also while a drain is under way. */
  stop({ force = false } = {}): Promise<void> {
    if (force) for (const slot of this.slots) slot.kill();
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** A V8 profile as JSON text: for its time the function's calls go to a worker where the inspector sees them. */
  async profile(request: ProfileRequest): Promise<Result<string>> {
    const { functionId } = request;
    const state = this.placement.placementOf(functionId);
    if (state?.where === "quarantine" || this.placement.isProfiled(functionId)) {
      const why = state?.where === "quarantine" ? `it is in quarantine (${state.reason})` : "it is being profiled already";
      return fail({ code: "PROFILE_FAILED", message: `Cannot profile ${functionId}: ${why}` });
    }
    // A socket of its own each time: the worker before may still be leaving, and would take the file with it.
    const socketPath = this.#sockets.of(`${functionId} profile ${++this.#profileCount}`);
    const slot = new WorkerSlot(`${functionId} (profile)`, functionId, this.config.workerMemoryMaxBytes, this);
    this.#profilers.set(slot, socketPath);
    slot.start();
    await slot.settled;
    try {
      if (!slot.listening || slot.worker === null)
        return fail({
          code: "PROFILE_FAILED",
          message: `Cannot profile ${functionId}: its worker did not start`,
          hint: "The log says why",
        });
      this.placement.beginProfile(functionId, socketPath);
      this.#announcePlacements();
      const { profile, failure } = await this.counts.profile(slot.worker, request);
      return profile === null ? fail(failure!) : ok(profile);
    } finally {
      this.placement.endProfile(functionId);
      this.#announcePlacements();
      // Calls already on their way there still arrive; the answer need not wait for that.
      setTimeout(() => void slot.drain(PROFILE_DRAIN_MS).then(() => this.#profilers.delete(slot)), FAREWELL_MS).unref();
    }
  }

  record(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.logs.record(level, message, fields);
  }

  fork(slot: WorkerSlot): WorkerProcess {
    if (this.#profilers.has(slot)) return new WorkerProcess({ ...this.#launch, inspects: true });
    const prefork = this.#prefork;
    this.#prefork = null;
    return prefork !== null && !prefork.exited ? prefork : new WorkerProcess(this.#launch);
  }

  startMessage(slot: WorkerSlot, worker: WorkerProcess): ToWorker | null {
    if (this.#snapshotFile === null || this.live.current.version === 0) return null;
    const id = slot.functionId;
    const profileSocket = this.#profilers.get(slot);
    if (id !== null && profileSocket === undefined) this.#sockets.clear(id);
    return {
      type: "start",
      config: this.config,
      deployment: id === null ? this.live.current : this.live.only(id),
      listen: profileSocket === undefined ? this.#listenOf(id) : { kind: "unix", path: profileSocket },
      snapshotFile: this.#snapshotFile,
      flightFile: worker.flightFile,
      // A dedicated worker runs its function itself.
      placements: id === null ? this.placement.placements() : [],
      inspected: profileSocket !== undefined,
    };
  }

  onMessage(slot: WorkerSlot, worker: WorkerProcess, message: FromWorker): void {
    switch (message.type) {
      case "listening":
        this.record("debug", "worker listens", { worker: slot.name, pid: worker.pid, bootMs: Math.round(worker.livedMs) });
        if (slot.functionId === null) this.#onFirstListening?.(ok(message.port ?? this.#port));
        return;
      case "failed":
        this.#onFirstListening?.(fail(message.failure));
        return;
      case "build":
        void this.#build(worker, message.functionId);
        return;
      case "wake":
        this.#wake(message.functionId);
        return;
      case "runaway":
        this.#ranAway(slot, worker, message.functionId);
        return;
      case "collected":
      case "profiled":
        this.counts.answered(worker, message);
        return;
      case "log":
        this.logs.accept(message.lines);
        return;
      case "cleared":
        if (slot.functionId === message.functionId) this.#cleared(message.functionId);
        return;
      case "booted":
      case "heartbeat":
      case "drained":
        return;
    }
  }

  onDeath(slot: WorkerSlot, worker: WorkerProcess, exit: WorkerExit, reason: RestartReason): boolean {
    const how = describeExit(exit, worker.lastWords);
    this.restartsByReason[reason] = (this.restartsByReason[reason] ?? 0) + 1;
    const suspects = this.#suspects(worker);
    this.record("error", "worker died", {
      worker: slot.name,
      pid: worker.pid,
      how,
      ...exit,
      livedMs: Math.round(worker.livedMs),
      suspects,
    });
    if (this.#profilers.has(slot)) return false;
    if (slot.functionId !== null) return this.#dedicatedDied(slot.functionId, suspects, exit, how);
    this.#accuse(suspects, how);
    if (this.#onFirstListening === null || slot.failedBoots + 1 < FIRST_BOOTS_MAX) return true;
    this.#onFirstListening(fail(bootFailure(how)));
    return false;
  }

  onGone(worker: WorkerProcess): void {
    this.counts.gone(worker);
    rm(worker.flightFile, { force: true }, () => {});
  }

  onReplacing(slot: WorkerSlot, worker: WorkerProcess, reason: "memory" | "runaway"): void {
    this.restartsByReason[reason] = (this.restartsByReason[reason] ?? 0) + 1;
    const { residentBytes, pid } = worker;
    const why = reason === "memory" ? "passed its memory ceiling" : "runs a turn that can't be stopped";
    this.record("warn", `worker ${why} and is replaced`, { worker: slot.name, pid, residentBytes });
  }

  onLeaving(worker: WorkerProcess): void {
    void this.counts.collect([worker]);
  }

  async #startOthers(): Promise<void> {
    // After the first listens, so that they don't take the processor from its boot.
    const others = this.#shared.slice(1);
    for (const slot of others) slot.start();
    await Promise.all(others.map((slot) => slot.settled));
  }

  async #claimPort(): Promise<Result<void>> {
    const { host, port } = this.config;
    if (this.#options.handsOff ?? !sharesPorts) {
      const handoff = await listenAndHandOff(host, port, (socket) => this.#handOver(socket));
      if (!handoff.ok) return handoff;
      this.#handoff = handoff.value;
      this.#port = handoff.value.port;
      return ok(undefined);
    }
    const claim = await claimPort(host, port);
    if (!claim.ok) return claim;
    this.#claim = claim.value;
    return ok(undefined);
  }

  async #findSnapshot(): Promise<Result<void>> {
    this.#snapshotFile = await (await this.#workshop).snapshotFile(this.config);
    return ok(undefined);
  }

  #listenOf(functionId: string | null): Listen {
    if (functionId !== null) return { kind: "unix", path: this.#sockets.of(functionId) };
    return this.#handoff === null ? { kind: "tcp", host: this.config.host, port: this.#port } : { kind: "handoff" };
  }

  #handOver(socket: Socket): boolean {
    for (let tries = 0; tries < this.#shared.length; tries++) {
      const slot = this.#shared[this.#nextTaker++ % this.#shared.length]!;
      if (slot.listening && slot.worker?.send({ type: "connection" }, socket) === true) return true;
    }
    return false;
  }

  async #build(worker: WorkerProcess, functionId: string): Promise<void> {
    const { bundle, failure } = await this.live.build(functionId);
    if (bundle !== null) this.placement.built(functionId, bundle.hash);
    if (failure !== null)
      this.record("error", failure.message, { function: functionId, code: failure.code, hint: failure.hint, at: failure.at });
    worker.send({ type: "built", functionId, bundle, failure });
  }

  #wake(functionId: string): void {
    if (this.placement.placementOf(functionId)?.where === "dedicated") this.#dedicated.wake(functionId);
  }

  #cleared(functionId: string): void {
    if (!this.placement.cleared(functionId)) {
      this.placement.healthy(functionId);
      return;
    }
    this.record("info", "cleared: it returns to the shared workers", { function: functionId });
    this.#announcePlacements();
  }

  #dedicatedDied(functionId: string, suspects: readonly string[], exit: WorkerExit, how: string): boolean {
    const isCrash = exit.signal !== null && exit.signal !== "SIGKILL" && exit.signal !== "SIGTERM";
    const isGuilty = isCrash || suspects.includes(functionId);
    if (this.placement.dedicatedWorkerDied(functionId, isGuilty, how)) {
      const placement = this.placement.placementOf(functionId);
      const reason = placement?.where === "quarantine" ? placement.reason : how;
      this.record("error", "quarantine: it is not run until its code changes", { function: functionId, reason });
      this.#announcePlacements();
    }
    return this.placement.placementOf(functionId)?.where === "dedicated";
  }

  /** V8 looks for a stop request in most loops, not in all. Its sandbox is closed; what is left of it dies with the process. */
  #ranAway(slot: WorkerSlot, worker: WorkerProcess, functionId: string): void {
    const why = `a turn of ${functionId} can't be stopped`;
    if (slot.functionId !== null) {
      worker.condemn(why);
      return;
    }
    this.#accuse([functionId], why);
    slot.replace(worker, "runaway", RUNAWAY_GRACE_MS);
  }

  #accuse(suspects: readonly string[], how: string): void {
    const accused = this.placement.sharedWorkerDied(suspects);
    for (const functionId of accused) {
      this.record("warn", "probation: it ran when its worker was lost, and now runs in a worker of its own", { function: functionId, how });
      this.#dedicated.wake(functionId);
    }
    if (accused.length > 0) this.#announcePlacements();
  }

  /** The turn that was executing, or when none was written down, everything that was in flight. */
  #suspects(worker: WorkerProcess): readonly string[] {
    const keys = new Set(readFlightRecord(worker.flightFile));
    if (keys.size === 0) return worker.inFlight;
    return this.live.current.functions.map((spec) => spec.id).filter((id) => keys.has(flightKey(id)));
  }

  #announcePlacements(): void {
    const placements = this.placement.placements();
    for (const slot of this.#shared) slot.send({ type: "place", placements });
    this.#dedicated.keepOnly((functionId) => this.placement.placementOf(functionId)?.where === "dedicated");
  }

  async #reload(): Promise<Result<void, readonly Failure[]>> {
    const config = (await this.#options.reconfigure?.()) ?? ok(this.config);
    const renewed = config.ok ? await this.live.renew(config.value) : config;
    if (!renewed.ok) {
      for (const failure of renewed.failure)
        this.record("error", `The old deployment stays: ${failure.message}`, { ...failure, message: undefined });
      return renewed;
    }
    this.placement.deploy(this.live.identified());
    const deployment = this.live.current;
    const placements = this.placement.placements();
    for (const slot of this.#shared) slot.send({ type: "deploy", deployment, placements });
    this.#dedicated.keepOnly((functionId) => this.placement.placementOf(functionId)?.where === "dedicated");
    for (const slot of this.#dedicated.slots) slot.send({ type: "deploy", deployment: this.live.only(slot.functionId!), placements: [] });
    for (const notice of renewed.value.notices) this.record("warn", notice);
    this.record("info", "reloaded", { version: deployment.version, functions: deployment.functions.length });
    return ok(undefined);
  }

  #startTicking(): void {
    let lastMs = performance.now();
    this.#ticker = setInterval(() => {
      const nowMs = performance.now();
      const elapsedMs = nowMs - lastMs;
      lastMs = nowMs;
      for (const slot of this.#shared) slot.tick(elapsedMs);
      this.#dedicated.tick(elapsedMs);
    }, HEARTBEAT_TICK_MS);
  }

  async #giveUp(failures: readonly Failure[]): Promise<Result<never, readonly Failure[]>> {
    await this.stop({ force: true });
    return fail(failures);
  }

  async #stop(): Promise<void> {
    this.#handoff?.close();
    const dedicated = this.#dedicated.close();
    // Shared workers first: what they forward must still find its worker.
    await Promise.all(this.#shared.map((slot) => slot.drain(this.#drainGraceMs)));
    await Promise.all(dedicated.map((slot) => slot.drain(this.#drainGraceMs)));
    if (this.#ticker !== null) clearInterval(this.#ticker);
    this.#claim?.release();
    this.#sockets.close();
  }
}

function bootFailure(how: string): Failure {
  return {
    code: "WORKER_BOOT_FAILED",
    message: `Cannot start a worker: ${FIRST_BOOTS_MAX} in a row ended before they listened, the last by ${how}`,
    hint: "What they printed stands above; `pilotlight doctor` checks this machine",
  };
}
