/**
 * Plain launcher: starts processes of one function by executing it: looks at the
 * program, makes what the process is to have (socket, port, ring, control group,
 * pipes), spawns the plan, and hands over a process whose READY is being heard.
 * Whatever fails on the way gives back what was made. Chooses nothing: which
 * instance, when, and what becomes of it is the pool's business.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { processClientsDir } from "../../../base/package-files.ts";
import { fail, ok, type Result } from "../../../base/result.ts";
import { KIB } from "../../../base/units.ts";
import type { ProcessSettings } from "../../../config/process-settings.ts";
import { createRingFile, type RingFile } from "../ring/ring-file.ts";
import { Cgroup } from "./cgroup.ts";
import { environmentOf } from "./environment.ts";
import { releasePort, takePort } from "./free-port.ts";
import type { Expected } from "./hello.ts";
import { type LaunchPlan, namespaceLacks, planLaunch } from "./launch-plan.ts";
import type { Launcher, LaunchFailure, LaunchOrder, Origin } from "./launched.ts";
import { holdersOf } from "./limit-holders.ts";
import type { MachineFacts } from "./machine-facts.ts";
import { OutputReader, type ProcessLog } from "./output-reader.ts";
import { ProcessPipe } from "./pipes.ts";
import { ownerOf } from "./port-owner.ts";
import { descendantsOf } from "./process-tree.ts";
import { findProgram, type Program } from "./program.ts";
import { ReadySocket } from "./ready.ts";
import { makeHome, makeRunFolder, type RunFolder } from "./run-folder.ts";
import { describeSpawnError } from "./spawn-error.ts";
import { StartedProcess } from "./started-process.ts";

/** What is started, everything decided. */
export interface LaunchSubject {
  readonly functionId: string;
  /** Its own file, absolute. */
  readonly file: string;
  readonly settings: ProcessSettings;
  readonly memoryMaxBytes: number;
  /** What the function's `env` names. */
  readonly env: Readonly<Record<string, string>>;
  readonly dataDir: string;
}

/** How this start differs from a plain one. */
export interface StartVariant {
  readonly origin: Origin;
  readonly insteadBecause: string | null;
  /** A template is a process that an image is taken of; its ring has no room, because it is in the image. */
  readonly role: "instance" | "fork server" | "template";
  /** Descriptors that the process is to have, behind its ring's. They stay the caller's. */
  readonly fds: readonly number[];
  /** What is executed, made of what a plain start executes. */
  execute(run: Run): Run;
}

export interface Run {
  readonly program: Program;
  readonly env: Readonly<Record<string, string>>;
  /** What the first of `fds` will be in the process. */
  readonly firstFd: number;
}

export const PLAIN: StartVariant = { origin: "started", insteadBecause: null, role: "instance", fds: [], execute: (run) => run };
/** Where a ring's descriptor is found in the process, behind its standard ones. */
export const RING_SLOT = 3;
const RING_PATH = `/proc/self/fd/${RING_SLOT}`;
const RING_OF_TEMPLATE_BYTES = 4 * KIB;

export class PlainLauncher implements Launcher {
  readonly #subject: LaunchSubject;
  readonly #facts: MachineFacts;
  readonly #log: ProcessLog;
  #runFolder: RunFolder | null = null;
  #isClosed = false;
  /** Said once, though it is so at every start. */
  readonly #noted = new Set<string>();

  constructor(subject: LaunchSubject, facts: MachineFacts, log: ProcessLog) {
    this.#subject = subject;
    this.#facts = facts;
    this.#log = log;
    for (const lack of namespaceLacks(subject.settings, facts)) this.note(`${subject.functionId} runs with ${lack}`);
  }

  launch(order: LaunchOrder): Promise<Result<StartedProcess, LaunchFailure>> {
    return this.start(order, PLAIN);
  }

  async start(order: LaunchOrder, variant: StartVariant): Promise<Result<StartedProcess, LaunchFailure>> {
    if (this.#isClosed) return fail(this.#failure("its function is closed"));
    const made = new DisposableStack();
    try {
      const result = await this.#start(order, variant, made);
      if (!result.ok) made.dispose();
      return result;
    } catch (error) {
      made.dispose();
      return fail(this.#failure(describeSpawnError(error as NodeJS.ErrnoException)));
    }
  }

  /** A new unix socket that is listened on. Throws the system's error. */
  async openSocket(): Promise<ReadySocket> {
    return ReadySocket.open(this.#folder().newSocketPath());
  }

  /** Null, and noted, where there is no memory to share and there are other ways to be called. */
  makeRing(capacityBytes = this.#subject.settings.ringBytes): Result<RingFile | null, LaunchFailure> {
    const { settings, functionId } = this.#subject;
    const ring = createRingFile({ capacityBytes, hasCrc: settings.ringChecks });
    if (ring.ok) return ring;
    const { message, hint } = ring.failure;
    if (settings.call === "ring") return fail(this.#failure(`${message}. ${hint}`));
    this.note(`${functionId} runs without a ring: ${message}`);
    return ok(null);
  }

  /** Null where there is none; the watch sees to its limits then. */
  makeCgroup(socketPath: string): Cgroup | null {
    const { cgroupHome } = this.#facts;
    if (cgroupHome === null || this.#facts.shellFile === null) return null;
    const { settings, memoryMaxBytes, functionId } = this.#subject;
    const name = socketPath.split("/").slice(-2).join("-");
    const group = Cgroup.create(cgroupHome, name, { memoryMaxBytes, processMax: settings.processMax, cpuMax: settings.cpuMax });
    if (group.ok) return group.value;
    this.note(`${functionId}: ${group.failure}; its memory is watched instead`);
    return null;
  }

  note(text: string): void {
    if (this.#noted.has(text)) return;
    this.#noted.add(text);
    this.#log.note(text);
  }

  /** Who started while it was closed is killed by whoever wanted it: nothing more is started. */
  close(): void {
    this.#isClosed = true;
    this.#runFolder?.close();
    this.#runFolder = null;
  }

  async #start(order: LaunchOrder, variant: StartVariant, made: DisposableStack): Promise<Result<StartedProcess, LaunchFailure>> {
    const { settings, functionId, file } = this.#subject;
    const expected = expectedOf(variant, settings);
    const port = await this.#port(expected);
    if (port !== 0) made.defer(() => releasePort(port));
    if (port === 0 && expected === "http") return fail(this.#failure(this.#noPort()));
    const home = makeHome(this.#subject.dataDir, functionId);
    const socket = await this.openSocket();
    made.defer(() => socket.close());
    const ring = order.withRing ? this.makeRing(variant.role === "template" ? RING_OF_TEMPLATE_BYTES : settings.ringBytes) : ok(null);
    if (!ring.ok) return ring;
    made.defer(() => ring.value?.close());
    const ownEnv = environmentOf({
      functionId,
      named: this.#subject.env,
      more: order.moreEnv,
      server: process.env,
      homeDir: home,
      clientsDir: processClientsDir,
      instance: order.instance,
      socketPath: socket.path,
      port,
      ringPath: ring.value === null ? null : RING_PATH,
      isForkServer: variant.role === "fork server",
    });
    const program = findProgram({ functionId, functionFile: file, command: settings.command, port, searchPath: ownEnv["PATH"]! });
    if (!program.ok) return program;
    const fds = [...(ring.value === null ? [] : [ring.value.fd]), ...variant.fds];
    const firstFd = RING_SLOT + fds.length - variant.fds.length;
    const run = variant.execute({ program: program.value, env: ownEnv, firstFd });
    const cgroup = this.makeCgroup(socket.path);
    const plan = planLaunch({
      program: run.program,
      settings,
      memoryMaxBytes: this.#subject.memoryMaxBytes,
      facts: cgroup === null ? { ...this.#facts, cgroupHome: null } : this.#facts,
      cgroupDir: cgroup?.dir ?? null,
      nodeOptions: run.env["NODE_OPTIONS"] ?? null,
    });
    const streams = made.use(new Streams(order.ownsStdio));
    const startedAtMs = performance.now();
    const child = await spawned(plan, { env: run.env, cwd: home, stdio: [...streams.stdio, ...fds] });
    if (!child.ok) {
      void cgroup?.remove();
      return fail(this.#failure(describeSpawnError(child.failure)));
    }
    const spawnMs = performance.now() - startedAtMs;
    const { stdin, stdout, stderr } = streams.take(child.value);
    const readers = [new OutputReader(stderr, "stderr", this.#log)];
    if (!order.ownsStdio) readers.push(new OutputReader(stdout, "stdout", this.#log));
    const started = new StartedProcess({
      child: child.value,
      origin: variant.origin,
      holders: plan.holders,
      insteadBecause: variant.insteadBecause,
      spawnMs,
      memoryMaxBytes: this.#subject.memoryMaxBytes,
      processMax: settings.processMax,
      cgroup,
      port,
      ring: ring.value,
      stdin,
      stdout: order.ownsStdio ? stdout : null,
      readers,
      mark: `PILOTLIGHT_SOCKET=${socket.path}`,
      cleanUp: () => made.dispose(),
    });
    started.ready = socket.hear(
      {
        functionId,
        expected,
        timeoutMs: expected === "stdio" ? null : settings.readyTimeoutMs,
        port,
        ownerOf: (wanted) => ownerOf(wanted, [started.pid, ...descendantsOf(started.pid)]),
        lastErrorLines: () => started.lastErrorLines(),
      },
      started.ended,
    );
    return ok(started);
  }

  /** 0 where it can't be called by HTTP: its settings, or a network of its own. */
  async #port(expected: Expected): Promise<number> {
    const isReachable = !holdersOf(this.#subject.settings, this.#facts).namespaces.network;
    const isUsed = expected === "template" ? isByPort(this.#subject.settings.call) : isByPort(expected);
    return isReachable && isUsed ? takePort() : 0;
  }

  #noPort(): string {
    const { network } = holdersOf(this.#subject.settings, this.#facts).namespaces;
    return network
      ? "it is to be called by HTTP on a port, which can't be reached in a network namespace; call it by the ring or frames, or leave `network` out of its namespaces"
      : "there is no free port on 127.0.0.1";
  }

  #folder(): RunFolder {
    if (this.#runFolder !== null) return this.#runFolder;
    if (this.#isClosed) throw new Error("its function is closed");
    const folder = makeRunFolder(this.#subject.dataDir);
    if (!folder.ok) throw new Error(folder.failure);
    this.#runFolder = folder.value;
    return folder.value;
  }

  #failure(why: string): LaunchFailure {
    return { code: "SPAWN_FAILED", message: `Cannot start ${this.#subject.functionId}: ${why}` };
  }
}

function expectedOf({ role }: StartVariant, { call }: ProcessSettings): Expected {
  if (role === "instance") return call;
  return role === "template" ? "template" : "fork";
}

function isByPort(expected: Expected): boolean {
  return expected === "http" || expected === "auto";
}

/** Standard streams of one start. */
class Streams implements Disposable {
  readonly #stdin: ProcessPipe | null;
  readonly #stdout = new ProcessPipe("from process");
  readonly #stderr = new ProcessPipe("from process");

  constructor(ownsStdio: boolean) {
    this.#stdin = ownsStdio ? new ProcessPipe("to process") : null;
  }

  get stdio(): (number | "pipe" | "ignore")[] {
    return [this.#stdin?.stdio ?? "ignore", this.#stdout.stdio, this.#stderr.stdio];
  }

  take(child: ChildProcess) {
    return {
      stdin: this.#stdin?.takeWritable(child) ?? null,
      stdout: this.#stdout.takeReadable(child, 1)!,
      stderr: this.#stderr.takeReadable(child, 2)!,
    };
  }

  /** Of what nobody took. */
  [Symbol.dispose](): void {
    for (const pipe of [this.#stdin, this.#stdout, this.#stderr]) pipe?.close();
  }
}

interface SpawnPlace {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdio: readonly (number | "pipe" | "ignore")[];
}

/** In a session of its own: a Ctrl-C at the server's terminal is the server's alone, which stops its functions in order. */
function spawned(plan: LaunchPlan, { env, cwd, stdio }: SpawnPlace): Promise<Result<ChildProcess, NodeJS.ErrnoException>> {
  return new Promise((resolve) => {
    const child = spawn(plan.file, plan.args, { env, cwd, stdio: [...stdio], detached: true });
    child.once("error", (error) => resolve(fail(error)));
    child.once("spawn", () => resolve(ok(child)));
  });
}
