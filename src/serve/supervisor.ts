/**
 * Supervisor: starts the workers, keeps them alive, tells them what to serve,
 * and answers for them to the operator. Takes no request itself: what happens
 * here must never be on the path of one.
 * The first worker is forked before anything else is loaded, because the time
 * from spawn to the first answer is its boot plus whatever precedes it.
 */
import { rm } from "node:fs";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { Config } from "../config/config.ts";
import { LogHub, type Sink } from "../telemetry/log-hub.ts";
import type { LogLevel } from "../telemetry/log-record.ts";
import { Blame } from "./blame.ts";
import { BuildCheck } from "./build-check.ts";
import type { BuildOutcome } from "./builder.ts";
import { createSocketPaths, type SocketPaths, sweepLeavings } from "./data-files.ts";
import { DedicatedWorkers } from "./dedicated-workers.ts";
import { descriptorNotice, openFilesMaxCount } from "./descriptor-limit.ts";
import { FirstBoot } from "./first-boot.ts";
import { everyTick } from "./heartbeat.ts";
import { Inquiries } from "./inquiries.ts";
import { SupervisorJobs } from "./jobs/supervisor-jobs.ts";
import { LiveDeployment, type Renewal, type Workshop } from "./live-deployment.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { PlacementTable } from "./placement.ts";
import { type ProfileRequest, Profilers } from "./profilers.ts";
import { type Addresses, PublicPort } from "./public-port.ts";
import { Reloads } from "./reloads.ts";
import { Rollout } from "./rollout.ts";
import { WorkerCounts } from "./worker-counts.ts";
import { WorkerLauncher } from "./worker-launcher.ts";
import { describeExit, WORKER_ENTRY_FILE, type WorkerExit, type WorkerProcess } from "./worker-process.ts";
import { replaceWithoutRights, rightsIn, rightsOf } from "./worker-rights.ts";
import {
  DRAIN_GRACE_MS,
  REPLACED_BECAUSE,
  type ReplaceReason,
  type RestartReason,
  type SlotHost,
  type SlotRole,
  WorkerSlot,
} from "./worker-slot.ts";

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

/** A runaway eats memory meanwhile: its neighbours' open calls get this long to end. */
const RUNAWAY_GRACE_MS = 2_000;

export class Supervisor implements SlotHost {
  readonly config: Config;
  readonly logs: LogHub;
  readonly live: LiveDeployment;
  readonly placement: PlacementTable;
  readonly #inquiries = new Inquiries();
  readonly counts = new WorkerCounts(this.#inquiries);
  readonly restartsByReason: Partial<Record<RestartReason, number>> = {};
  readonly startedAtMs = Date.now();
  readonly #handsOff: boolean | undefined;
  readonly #workshop: Promise<Workshop>;
  readonly #shared: WorkerSlot[];
  readonly #dedicated: DedicatedWorkers;
  readonly #sockets: SocketPaths;
  readonly jobs: SupervisorJobs;
  readonly #profilers: Profilers;
  readonly #blame: Blame;
  readonly #buildCheck: BuildCheck;
  readonly #reloads: Reloads;
  readonly #port: PublicPort;
  readonly #firstBoot = new FirstBoot();
  readonly #launcher: WorkerLauncher;
  readonly #drainGraceMs: number;
  /** null while the deployment is not ready. */
  #rollout: Rollout | null = null;
  #stopTicking: (() => void) | null = null;
  #stopping: Promise<void> | null = null;

  constructor(config: Config, options: SupervisorOptions) {
    this.config = config;
    this.#handsOff = options.handsOff;
    this.#drainGraceMs = options.drainGraceMs ?? DRAIN_GRACE_MS;
    const { dataDir, recordDir } = config;
    this.#launcher = new WorkerLauncher(
      { entryFile: options.workerEntryFile ?? WORKER_ENTRY_FILE, dataDir, recordDir },
      options.prefork ?? null,
    );
    this.#shared = Array.from({ length: config.workerCount }, (_, index) => {
      return this.#createSlot({ name: String(index), functionId: null, socketPath: null, inspected: false });
    });
    this.#shared[0]?.start();
    this.#port = new PublicPort(config, this.#shared);
    this.#workshop =
      options.workshop === undefined ? import("./workshop.ts").then((module) => module.workshop) : Promise.resolve(options.workshop);
    this.logs = new LogHub(options.sink, options.style ?? null);
    this.live = new LiveDeployment(config, {
      makeDeployment: async (...args) => (await this.#workshop).makeDeployment(...args),
      check: async (...args) => (await this.#workshop).check(...args),
      build: async (...args) => (await this.#workshop).build(...args),
      snapshotFile: async (...args) => (await this.#workshop).snapshotFile(...args),
    });
    this.live.onImproved = (functionId, failure) => {
      if (failure === null) void this.#rollout?.deploy();
      else if (this.#stopping === null)
        this.record("warn", `${functionId} could not be prepared for a faster start: ${failure}`, { function: functionId });
    };
    this.#sockets = createSocketPaths(config.dataDir);
    this.placement = new PlacementTable((functionId) => this.#sockets.of(functionId));
    this.#dedicated = new DedicatedWorkers({
      createSlot: (functionId) =>
        this.#createSlot({ name: functionId, functionId, socketPath: this.#sockets.of(functionId), inspected: false }),
      callCount: (slot) => this.counts.callCount(slot.worker),
      drainGraceMs: this.#drainGraceMs,
    });
    this.jobs = new SupervisorJobs(config.dataDir, this.#shared);
    const placementsChanged = (): void => this.#rollout?.place();
    this.#blame = new Blame({
      live: this.live,
      placement: this.placement,
      record: (level, message, fields) => this.record(level, message, fields),
      wake: (functionId) => this.#dedicated.wake(functionId),
      placementsChanged,
    });
    this.#buildCheck = new BuildCheck(config.mode, {
      live: this.live,
      build: (functionId) => this.#bundle(functionId),
      check: (functionId) => this.live.check(functionId),
      record: (level, message, fields) => this.record(level, message, fields),
    });
    this.#reloads = new Reloads({
      live: this.live,
      reconfigure: options.reconfigure ?? (async () => ok(config)),
      record: (level, message, fields) => this.record(level, message, fields),
      onRenewed: (renewal) => this.#renewed(renewal),
    });
    this.#profilers = new Profilers({
      placement: this.placement,
      inquiries: this.#inquiries,
      createSlot: (functionId, socketPath) =>
        this.#createSlot({ name: `${functionId} (profile)`, functionId, socketPath, inspected: true }),
      socketPathOf: (name) => this.#sockets.of(name),
      placementsChanged,
    });
  }

  /** Resolves when every worker listens, or has had its first chance to. */
  async start(): Promise<Result<Addresses, readonly Failure[]>> {
    const [claimed, deployed, snapshotFile] = await Promise.all([
      this.#port.open(this.#handsOff),
      this.#reloads.first(this.config),
      this.#workshop.then((workshop) => workshop.snapshotFile(this.config)),
    ]);
    const failures = [claimed, deployed].flatMap((one) => (one.ok ? [] : [one.failure].flat()));
    if (failures.length === 0) failures.push(...(await this.#port.claimOwnPorts(this.live.current)));
    if (failures.length > 0 || !deployed.ok) return this.#giveUp(failures);
    this.placement.deploy(this.live.identified());
    const { config, live, placement } = this;
    const prepareGuest = (): Promise<unknown> => this.#workshop.then((workshop) => workshop.snapshotFile(config));
    const workers = { shared: this.#shared, dedicated: this.#dedicated, profilers: this.#profilers, inquiries: this.#inquiries };
    const [port, sockets] = [this.#port, this.#sockets];
    this.#rollout = new Rollout({ config, snapshotFile, prepareGuest, live, placement, port, sockets, ...workers });
    this.#stopTicking = everyTick((elapsedMs) => this.#tick(elapsedMs));
    for (const slot of this.#shared) slot.sendStart();
    const first = await this.#firstBoot.outcome;
    if (!first.ok) return this.#giveUp([first.failure]);
    this.#port.bound(first.value);
    await this.#startOthers();
    // A build has the settings of its functions in itself: seen only now.
    await replaceWithoutRights(this.#shared, live.current);
    sweepLeavings(this.config.dataDir);
    for (const notice of deployed.value.notices) this.record("warn", notice);
    const notice = descriptorNotice(this.config.http, openFilesMaxCount());
    if (notice !== null) this.record("warn", notice);
    return ok(this.addresses);
  }

  get addresses(): Addresses {
    return this.#port.addresses;
  }

  get slots(): readonly WorkerSlot[] {
    return [...this.#shared, ...this.#dedicated.slots, ...this.#profilers.slots];
  }

  dedicatedSlot(functionId: string): WorkerSlot | null {
    return this.#dedicated.slotOf(functionId);
  }

  /** Serves what is on disk now. On failure the old deployment stays. */
  reload(): Promise<Result<void, readonly Failure[]>> {
    return this.#reloads.reload();
  }

  /** From now on broken functions are told before somebody calls them. */
  checkBuilds(): void {
    this.#buildCheck.begin();
  }

  /** Why a function can't be served, whether or not somebody has called it; null when it can. */
  async failureOf(functionId: string): Promise<Failure | null> {
    const spec = this.live.specOf(functionId);
    if (spec === null || spec.failure !== null || spec.engine === "process") return spec?.failure ?? null;
    return (await this.#bundle(functionId)).failure;
  }

  /** Drains every worker. `force` kills them at once, also while a drain is under way. */
  stop({ force = false } = {}): Promise<void> {
    if (force) for (const slot of this.slots) slot.kill();
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** A V8 profile as JSON text: for its time the function's calls go to a worker where the inspector sees them. */
  profile(request: ProfileRequest): Promise<Result<string>> {
    return this.#profilers.profile(request);
  }

  record(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.logs.record(level, message, fields);
  }

  fork(slot: WorkerSlot): WorkerProcess {
    // The first are forked before there is a deployment.
    const rights = this.#rollout === null ? rightsIn(this.config) : rightsOf(this.live.current, slot.functionId);
    return this.#launcher.fork(rights, slot.inspected);
  }

  startMessage(slot: WorkerSlot, worker: WorkerProcess): ToWorker | null {
    return this.#rollout?.startMessage(slot, worker) ?? null;
  }

  onMessage(slot: WorkerSlot, worker: WorkerProcess, message: FromWorker): void {
    switch (message.type) {
      case "listening":
        this.#listens(slot, worker);
        if (slot.functionId === null) this.#firstBoot.listens(message.port ?? this.#port.number);
        return;
      case "failed":
        this.#firstBoot.failed(message.failure);
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
        this.counts.collected(worker, message.metrics);
        this.#inquiries.answered(worker, message);
        return;
      case "profiled":
      case "deployed":
        this.#inquiries.answered(worker, message);
        return;
      case "log":
        this.logs.accept(message.lines);
        return;
      case "cleared":
        if (slot.functionId === message.functionId && !slot.inspected) this.#blame.cleared(message.functionId);
        return;
      case "jobs":
        this.jobs.heard(message.event);
        return;
      default:
        return;
    }
  }

  onDeath(slot: WorkerSlot, worker: WorkerProcess, exit: WorkerExit, reason: RestartReason): boolean {
    const how = describeExit(exit, worker.lastWords);
    this.restartsByReason[reason] = (this.restartsByReason[reason] ?? 0) + 1;
    const suspects = this.#blame.suspectsOf(worker, reason);
    this.record("error", "worker died", {
      worker: slot.name,
      pid: worker.pid,
      how,
      ...exit,
      livedMs: Math.round(worker.livedMs),
      suspects,
    });
    if (slot.inspected) return false;
    if (slot.functionId !== null) return this.#blame.dedicatedDied(slot.functionId, suspects, exit, how);
    this.#blame.accuse(suspects, how);
    return this.#firstBoot.died(slot.failedBoots + 1, how);
  }

  onGone(worker: WorkerProcess): void {
    this.#inquiries.gone(worker);
    this.counts.gone(worker);
    rm(worker.flightFile, { force: true }, () => {});
  }

  onReplacing(slot: WorkerSlot, worker: WorkerProcess, reason: ReplaceReason): void {
    this.restartsByReason[reason] = (this.restartsByReason[reason] ?? 0) + 1;
    const { residentBytes, pid } = worker;
    this.record("warn", `worker ${REPLACED_BECAUSE[reason]} and is replaced`, { worker: slot.name, pid, residentBytes });
  }

  onLeaving(worker: WorkerProcess): void {
    void this.counts.collect([worker]);
  }

  #createSlot(role: SlotRole): WorkerSlot {
    return new WorkerSlot(role, this.config.workerMemoryMaxBytes, this);
  }

  async #startOthers(): Promise<void> {
    // After the first listens, so that they don't take the processor from its boot.
    const others = this.#shared.slice(1);
    for (const slot of others) slot.start();
    await Promise.all(others.map((slot) => slot.settled));
  }

  /** After a death or a replacement somebody waits for this. */
  #listens({ name, restarts }: WorkerSlot, worker: WorkerProcess): void {
    const fields = { worker: name, pid: worker.pid, bootMs: Math.round(worker.livedMs) };
    if (restarts === 0) this.record("debug", "worker listens", fields);
    else this.record("info", `worker ${name} is back`, fields);
  }

  async #bundle(functionId: string): Promise<BuildOutcome> {
    const outcome = await this.live.build(functionId);
    if (outcome.bundle !== null) this.placement.built(functionId, outcome.bundle.hash);
    return outcome;
  }

  async #build(worker: WorkerProcess, functionId: string): Promise<void> {
    this.#buildCheck.disturb();
    const { bundle, failure } = await this.#bundle(functionId);
    // A failure is logged by the worker, with the request that met it.
    worker.send({ type: "built", functionId, bundle, failure });
  }

  #wake(functionId: string): void {
    if (this.placement.placementOf(functionId)?.where === "dedicated") this.#dedicated.wake(functionId);
  }

  /** V8 looks for a stop request in most loops, not in all. Its sandbox is closed; what is left of it dies with the process. */
  #ranAway(slot: WorkerSlot, worker: WorkerProcess, functionId: string): void {
    const why = `a turn of ${functionId} can't be stopped`;
    if (slot.functionId !== null) {
      worker.condemn(why);
      return;
    }
    this.#blame.accuse([functionId], why);
    void slot.replace(worker, "runaway", RUNAWAY_GRACE_MS);
  }

  async #renewed({ changed }: Renewal): Promise<void> {
    this.placement.deploy(this.live.identified());
    const claimed = this.#port.claimOwnPorts(this.live.current).then((failures) => {
      for (const { code, message, hint } of failures) this.record("error", message, { code, hint });
    });
    // First: whom it would be given could not serve all of it, and those who take over begin with it.
    await replaceWithoutRights(this.slots, this.live.current);
    await Promise.all([claimed, this.#rollout?.deploy()]);
    this.#buildCheck.deployed(new Set(changed));
  }

  #tick(elapsedMs: number): void {
    for (const slot of this.#shared) slot.tick(elapsedMs);
    this.#dedicated.tick(elapsedMs);
    this.#profilers.tick(elapsedMs);
  }

  async #giveUp(failures: readonly Failure[]): Promise<Result<never, readonly Failure[]>> {
    await this.stop({ force: true });
    return fail(failures);
  }

  async #stop(): Promise<void> {
    this.#buildCheck.close();
    this.#port.stopAccepting();
    const forwardedTo = [...this.#dedicated.close(), ...this.#profilers.close()];
    // Shared workers first: what they forward must still find its worker.
    await Promise.all(this.#shared.map((slot) => slot.drain(this.#drainGraceMs)));
    await Promise.all(forwardedTo.map((slot) => slot.drain(this.#drainGraceMs)));
    await this.jobs.close();
    this.live.abandon();
    this.#stopTicking?.();
    this.#port.release();
    this.#sockets.close();
  }
}
