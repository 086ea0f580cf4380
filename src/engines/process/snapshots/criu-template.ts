/**
 * CRIU template: starts a function as a process that an image is taken of, and
 * takes it. What leads out of the process must not be in the image, or must be
 * replaced when it is restored: standard output and error and the pipe of its line
 * are pipes that are known by their numbers, its ring is a memfd that is known by
 * its name, standard input is opened inside. Its pids begin at 1,000, out of the way
 * of those that restore it in a namespace of its own.
 */
import { execFile } from "node:child_process";
import { closeSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { fail, ok, type Result } from "../../../base/result.ts";
import { MIB } from "../../../base/units.ts";
import { complaintIn } from "../launch/criu-probe.ts";
import type { LaunchOrder } from "../launch/launched.ts";
import { holdersOf } from "../launch/limit-holders.ts";
import type { MachineFacts } from "../launch/machine-facts.ts";
import { openPipe } from "../launch/pipes.ts";
import { type LaunchSubject, PLAIN, type PlainLauncher, RING_SLOT } from "../launch/plain-launcher.ts";
import { childrenOf, descendantsOf, innerPidOf } from "../launch/process-tree.ts";
import type { StartedProcess } from "../launch/started-process.ts";
import { type Made, sourceFiles } from "./image-store.ts";

export interface CriuImage {
  /** Which of its descriptors are to be replaced. */
  readonly stdout: string;
  readonly stderr: string;
  readonly control: string;
  /** Its ring is a memfd, and can be. */
  readonly hasRing: boolean;
  /** Where it listens, in a program that is called by HTTP; 0 in a client. */
  readonly port: number;
  /** In its namespace. */
  readonly pid: number;
}

export interface TemplateParts {
  readonly subject: LaunchSubject;
  readonly facts: MachineFacts;
  readonly plain: PlainLauncher;
}

const ORDER: LaunchOrder = { instance: 0, withRing: true, moreEnv: {}, ownsStdio: false };
const LAST_PID_BEFORE = 999;
/** setsid forks, so that the program has the pid that was asked for, and leads a session that is in the image as well. */
const BEGIN = `echo ${LAST_PID_BEFORE} > /proc/sys/kernel/ns_last_pid && exec "$@" < /dev/null`;
const SHELL_NAME = "pilotlight";
const DUMP_LOG = "dump.log";
const DUMP_STATS = "stats-dump";
/** A dump writes the memory that the function may have, once. */
const DUMP_TIMEOUT_MS = 60_000;
const IO_URING = /io_uring/;
const IO_URING_TOLD =
  "it has an io_uring open, which CRIU doesn't know; current versions of Node always have: take snapshot: node for them";
/** What fails goes on running. It may have been about to close its connection, or to open one for its READY after its port. */
const DUMP_AFTER_MS = [0, 100, 400];
const SOURCES_MAX_BYTES = MIB;

/** Into a folder that is there. The fault is a phrase: why there is no image. */
export async function takeImage(parts: TemplateParts, dir: string, signal: AbortSignal): Promise<Result<Made<CriuImage>, string>> {
  const control = openPipe();
  if (control === null) return fail("there is no pipe to be had");
  try {
    const started = await startTemplate(parts, control.read);
    if (!started.ok) return started;
    const stop = () => started.value.kill();
    signal.addEventListener("abort", stop);
    try {
      return await imageOf(started.value, parts, dir);
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
      await started.value.ended;
    }
  } finally {
    closeSync(control.read);
    closeSync(control.write);
  }
}

async function startTemplate({ plain, facts }: TemplateParts, controlFd: number): Promise<Result<StartedProcess, string>> {
  const setsid = join(dirname(facts.unshareFile!), "setsid");
  const started = await plain.start(ORDER, {
    ...PLAIN,
    role: "template",
    fds: [controlFd],
    execute: ({ program: { file, args }, env, firstFd }) => ({
      program: { file: facts.shellFile!, args: ["-c", BEGIN, SHELL_NAME, setsid, "--fork", "--wait", file, ...args] },
      env: { ...env, PILOTLIGHT_SNAPSHOT: String(firstFd) },
      firstFd,
    }),
  });
  return started.ok ? started : fail(started.failure.message);
}

async function imageOf(started: StartedProcess, { subject, facts }: TemplateParts, dir: string): Promise<Result<Made<CriuImage>, string>> {
  const ready = await started.ready;
  if (!ready.ok) return fail(ready.failure.message);
  const { way, connection } = ready.value;
  const told = connection === null ? [] : await linesOf(connection, subject.settings.readyTimeoutMs);
  if (told === null) return fail("it says that it waits until its image is taken, and does not close its connection");
  // setsid, which waits for the program, has all that the program was given.
  const holder = started.pid;
  const [program] = childrenOf(holder);
  if (program === undefined) return fail("it ended before its image was taken");
  const controlFd = RING_SLOT + (started.ring === null ? 0 : 1);
  const sources = await sourceFiles([subject.file, ...told, ...[program, ...descendantsOf(program)].flatMap(mappedFiles)]);
  const details: CriuImage = {
    stdout: readlinkSync(`/proc/${holder}/fd/1`),
    stderr: readlinkSync(`/proc/${holder}/fd/2`),
    control: readlinkSync(`/proc/${holder}/fd/${controlFd}`),
    hasRing: started.ring?.unsealedBecause === null,
    port: way === "http" ? started.port : 0,
    pid: innerPidOf(program),
  };
  let failure: string | null = null;
  for (const waitMs of DUMP_AFTER_MS) {
    if (waitMs > 0) await sleep(waitMs);
    const complaint = await dump(program, details.pid, { subject, facts, dir });
    if (complaint === null) return ok({ details, sources });
    failure ??= complaint;
    for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true, force: true });
  }
  return fail(`CRIU can't dump it: ${IO_URING.test(failure ?? "") ? IO_URING_TOLD : failure}`);
}

interface DumpPlace {
  readonly subject: LaunchSubject;
  readonly facts: MachineFacts;
  readonly dir: string;
}

/** From within its namespaces, where it looks like any other process. Null, or why not. */
async function dump(pid: number, innerPid: number, { subject, facts, dir }: DumpPlace): Promise<string | null> {
  const nsenter = join(dirname(facts.unshareFile!), "nsenter");
  const { network } = holdersOf(subject.settings, facts).namespaces;
  const enter = ["--target", String(pid), "--pid", "--mount", ...(network ? ["--net"] : []), "--"];
  // A connection of somebody who only looked whether its port is open is closed, and no fault.
  // It stays, stopped: with it, its namespace would end, and with that CRIU, before it is done.
  const options = ["-D", dir, "-o", DUMP_LOG, "-v1", "--leave-stopped", "--manage-cgroups=ignore", "--tcp-close"];
  try {
    await promisify(execFile)(nsenter, [...enter, facts.criu.file!, "dump", "-t", String(innerPid), ...options], {
      env: { PATH: process.env["PATH"] },
      timeout: DUMP_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    for (const name of [DUMP_LOG, DUMP_STATS]) rmSync(join(dir, name), { force: true });
    return null;
  } catch (error) {
    const { stderr = "", message } = error as Error & { stderr?: string };
    return complaintIn(textOf(join(dir, DUMP_LOG))) ?? (stderr.trim().split("\n").at(-1) || message.split("\n", 1)[0]!);
  }
}

/** Until its end; null when that does not come. */
async function linesOf(connection: Duplex, timeoutMs: number): Promise<string[] | null> {
  const timer = setTimeout(() => connection.destroy(new Error("too late")), timeoutMs);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of connection) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > SOURCES_MAX_BYTES) return null;
    }
    return Buffer.concat(chunks)
      .toString()
      .split("\n")
      .filter((line) => line.startsWith("/"));
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    connection.destroy();
  }
}

/** Programs and libraries; not what has no name any more, nor devices. */
function mappedFiles(pid: number): string[] {
  const paths = textOf(`/proc/${pid}/maps`).matchAll(/ (\/(?!dev\/|memfd:).*)$/gm);
  return [...new Set(Array.from(paths, ([, path]) => path!))].filter((path) => !path.endsWith(" (deleted)"));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
