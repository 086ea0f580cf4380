/**
 * CRIU for tests: the one of PILOTLIGHT_CRIU, or of PATH, and why there is none that
 * can be used; scripts that stand in for one, whatever the machine has; and functions
 * that wait in an image, in few lines of their own.
 */
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { dirname, join } from "node:path";
import { PROCESS_DEFAULTS, type ProcessSettings } from "../../src/config/process-settings.ts";
import { probeCriu } from "../../src/engines/process/launch/criu-probe.ts";
import type { LaunchedProcess, LaunchOrder } from "../../src/engines/process/launch/launched.ts";
import type { MachineFacts } from "../../src/engines/process/launch/machine-facts.ts";
import type { LaunchSubject } from "../../src/engines/process/launch/plain-launcher.ts";
import { CriuLauncher } from "../../src/engines/process/snapshots/criu-launcher.ts";
import { criuLack } from "../../src/engines/process/snapshots/criu-needs.ts";
import { closeAtEnd, facts, folder, keep, logInto, ORDER, python, subjectOf, type Told } from "./launching.ts";

const given = process.env["PILOTLIGHT_CRIU"];
const searchPath = [...(given === undefined ? [] : [dirname(given)]), process.env["PATH"] ?? ""].join(":");
const SETTINGS: ProcessSettings = { ...PROCESS_DEFAULTS, snapshot: "criu" };

export const criuFacts: MachineFacts = { ...facts, criu: await probeCriu(searchPath) };
const lack = criuLack(SETTINGS, criuFacts);
const lackOfPlace = criuLack(SETTINGS, { ...facts, criu: { file: "-", version: "4.2", lack: null } });

/** For tests that restore. */
export const WITH_CRIU = { skip: lack === null ? false : `NO CRIU HERE: ${lack}` };
/** For tests in which a script stands in for CRIU: all else has to be there. */
export const WITH_PLACE = { skip: lackOfPlace === null ? false : `NO CRIU COULD BE USED HERE: ${lackOfPlace}` };

/** A criu that says the version, passes its check, and does the rest by a script, in which "$1" is dump or restore. */
export async function fakeCriu(version: string, script = "exit 1"): Promise<MachineFacts> {
  const dir = mkdtempSync(join(folder, "criu-"));
  const file = join(dir, "criu");
  writeFileSync(file, `#!/bin/sh\n[ "$1" = --version ] && echo "Version: ${version}" && exit\n[ "$1" = check ] && exit\n${script}\n`);
  chmodSync(file, 0o755);
  return { ...facts, criu: await probeCriu(dir) };
}

/** For such scripts: CRIU's last words, where it was told to write them. */
export function complaint(words: string): string {
  return `at() { name=$1; shift; while [ $# -gt 0 ]; do [ "$1" = "$name" ] && echo "$2" && return; shift; done; }
dir=$(at -W "$@"); echo "(00.1) Error (criu/some.c:1): ${words}" > "\${dir:-$(at -D "$@")}/$(at -o "$@")"; exit 1`;
}

/** A client that waits in an image. BEFORE is done when it is loaded, SOURCES is what it says that it was made of. */
const CLIENT = `import os, signal, socket, sys, time
loaded = time.monotonic_ns()
BEFORE
def connected():
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ["PILOTLIGHT_SOCKET"])
    return connection
instance, ring = os.environ["PILOTLIGHT_INSTANCE"], os.environ.get("PILOTLIGHT_RING", "-")
if "PILOTLIGHT_SNAPSHOT" in os.environ:
    connection = connected()
    connection.sendall(b"READY snapshot/1\\n" + SOURCES)
    connection.close()
    wait = int(os.environ["PILOTLIGHT_SNAPSHOT"])
    _, instance, ring, os.environ["PILOTLIGHT_SOCKET"] = os.read(wait, 4096).decode().rstrip("\\n").split(" ", 3)
    os.close(wait)
connection = connected()
connection.sendall(b"READY frames/1 1\\n")
print("instance", instance, "loaded", loaded, "pid", os.getpid(), flush=True)
if ring != "-":
    ring = os.open(ring, os.O_RDWR)
    print("ring", os.pread(ring, 7, 0).decode(), os.fstat(ring).st_size, flush=True)
while True:
    word = connection.recv(64).decode()
    if word == "exit": os._exit(7)
    if word == "abort": os.abort()
    if word == "processes": print("processes", *sorted(name for name in os.listdir("/proc") if name.isdigit()), flush=True)
    if word == "term": signal.signal(signal.SIGTERM, lambda *_: os._exit(5)); print("listening", flush=True)
    if not word: os._exit(0)
`;

export function waitingClient({ before = "", sources = 'b""' }: { readonly before?: string; readonly sources?: string } = {}): string {
  return python(CLIENT.replace("BEFORE", before).replace("SOURCES", sources));
}

export async function connectionOf({ ready }: LaunchedProcess): Promise<Socket> {
  const said = await ready;
  if (!said.ok) throw new Error(said.failure.message);
  return said.value.connection as Socket;
}

export interface Restoring {
  readonly dataDir: string;
  /** Where its images lie. */
  readonly imagesDir: string;
  readonly launcher: CriuLauncher;
  readonly told: Told;
  start(order?: Partial<LaunchOrder>): Promise<LaunchedProcess>;
  /** The one behind a first that was started while there was no image. */
  second(): Promise<LaunchedProcess>;
}

export interface RestoringOptions {
  readonly settings?: Partial<ProcessSettings>;
  readonly facts?: MachineFacts;
  readonly subject?: Partial<LaunchSubject>;
}

let instance = 100;

export function restoring(file: string, { settings, facts: ours = criuFacts, subject }: RestoringOptions = {}): Restoring {
  const told: Told = { lines: [], notes: [] };
  const dataDir = subject?.dataDir ?? mkdtempSync(join(folder, "data-"));
  const imagesDir = join(settings?.snapshotDir ?? join(dataDir, "snapshots"), "criu", "api%2Ftested");
  const whole = subjectOf(file, { settings: { snapshot: "criu", ...settings }, subject: { dataDir, ...subject } });
  const launcher = new CriuLauncher(whole, ours, logInto(told));
  closeAtEnd(launcher);
  async function start(order: Partial<LaunchOrder> = {}): Promise<LaunchedProcess> {
    const launched = await launcher.launch({ ...ORDER, instance: ++instance, ...order });
    if (!launched.ok) throw new Error(launched.failure.message);
    keep(launched.value);
    return launched.value;
  }
  async function second(): Promise<LaunchedProcess> {
    await start();
    await launcher.settled();
    return start();
  }
  return { dataDir, imagesDir, launcher, told, start, second };
}
