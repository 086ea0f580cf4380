/** Instances as forks of one process that has done its imports, and what happens when they can't be. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { MIB } from "../src/base/units.ts";
import { ForkLauncher } from "../src/engines/process/launch/fork-launcher.ts";
import type { LaunchedProcess, LaunchOrder } from "../src/engines/process/launch/launched.ts";
import { eventually } from "./support/fake-fleet.ts";
import {
  closeAtEnd,
  facts,
  keep,
  type LaunchingOptions,
  logInto,
  ORDER,
  python,
  sh,
  subjectOf,
  type Told,
  written,
} from "./support/launching.ts";
import { isAlive } from "./support/processes.ts";

/** A fork server in few lines, that knows nothing of clients: what a function's own code might be. */
const FORK_SERVER = `import os, signal, socket, sys, time
imported = os.getpid()
def connected():
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ["PILOTLIGHT_SOCKET"])
    return connection
def instance():
    connection = connected()
    connection.sendall(b"READY frames/1 1\\n")
    print("instance", os.environ["PILOTLIGHT_INSTANCE"], "imported by", imported, os.environ.get("PILOTLIGHT_RING", "-"), flush=True)
    if "PILOTLIGHT_RING" in os.environ:
        ring = os.open(os.environ["PILOTLIGHT_RING"], os.O_RDWR)
        print("ring", os.pread(ring, 7, 0).decode(), flush=True)
    while True:
        word = connection.recv(64)
        if word == b"grow": block = b"x" * (200 * 1024 * 1024)
        if word == b"exit": os._exit(5)
        if not word: os._exit(0)
if os.environ.get("PILOTLIGHT_FORK") != "1": instance()
signal.signal(signal.SIGCHLD, lambda *_: None)
server = connected()
server.sendall(b"READY fork/1\\n")
children = {}
while True:
    try: data, descriptors, _, _ = socket.recv_fds(server, 4096, 4)
    except InterruptedError: continue
    if not data: os._exit(0)
    for line in data.decode().splitlines():
        _, number, path, ring = line.split(" ")
        MISBEHAVE
        pid = os.fork()
        if pid == 0:
            server.close()
            os.environ["PILOTLIGHT_INSTANCE"], os.environ["PILOTLIGHT_SOCKET"] = number, path
            if ring == "fd": os.environ["PILOTLIGHT_RING"] = f"/proc/self/fd/{descriptors.pop(0)}"
            instance()
        children[pid] = number
        server.sendall(f"FORKED {number} {pid}\\n".encode())
        def reap(*_):
            while True:
                try: ended, status = os.waitpid(-1, os.WNOHANG)
                except ChildProcessError: return
                if not ended: return
                code, by = (0, os.WTERMSIG(status)) if os.WIFSIGNALED(status) else (os.WEXITSTATUS(status), 0)
                server.sendall(f"EXITED {children.pop(ended)} {code} {by}\\n".encode())
        signal.signal(signal.SIGCHLD, reap)`;

const forkServer = (misbehaviour = "pass") => python(FORK_SERVER.replace("MISBEHAVE", misbehaviour));

function forkingFrom(file: string, options: LaunchingOptions = {}) {
  const told: Told = { lines: [], notes: [] };
  const launcher = new ForkLauncher(subjectOf(file, { settings: { snapshot: "fork", call: "frames" }, ...options }), facts, logInto(told));
  closeAtEnd(launcher);
  let instance = 0;
  const launch = async (order: Partial<LaunchOrder> = {}): Promise<LaunchedProcess> => {
    const result = await launcher.launch({ ...ORDER, instance: ++instance, ...order });
    if (!result.ok) throw new Error(result.failure.message);
    keep(result.value);
    return result.value;
  };
  return { launcher, launch, told };
}

async function connectionOf(launched: LaunchedProcess) {
  const ready = await launched.ready;
  assert.ok(ready.ok, ready.ok ? "" : ready.failure.message);
  assert.equal(ready.value.way, "frames");
  return ready.value.connection!;
}

test("instances are forked from one process, each with its own pid, socket and end", async () => {
  const { launch, told } = forkingFrom(forkServer());
  const [first, second] = [await launch(), await launch()];
  for (const launched of [first, second]) {
    assert.deepEqual([launched.origin, launched.insteadBecause], ["forked", null]);
    await connectionOf(launched);
    assert.ok(isAlive(launched.pid));
    assert.ok(launched.memoryBytes() > MIB);
  }
  assert.notEqual(first.pid, second.pid);
  await written(told, /^instance 1 imported by (\d+) -$/);
  await written(told, /^instance 2 imported by (\d+) -$/);
  (await connectionOf(first)).write("exit");
  assert.deepEqual(await first.ended, { code: 5, signal: null, told: "exit code 5" });
  second.kill();
  assert.deepEqual(await second.ended, { code: null, signal: "SIGKILL", told: "SIGKILL" });
});

test("a forked instance is handed its ring by descriptor", async () => {
  const { launch, told } = forkingFrom(forkServer());
  const launched = await launch({ withRing: true });
  assert.equal(launched.origin, "forked");
  assert.ok(launched.ring !== null);
  await written(told, /^ring PLRING1$/);
  launched.kill();
  await launched.ended;
});

test("SIGTERM and the memory limit reach one forked instance and not its siblings", async () => {
  const { launch } = forkingFrom(forkServer(), { subject: { memoryMaxBytes: 100 * MIB } });
  const [polite, greedy, other] = [await launch(), await launch(), await launch()];
  await connectionOf(polite);
  polite.terminate();
  assert.equal((await polite.ended).told, "SIGTERM");
  (await connectionOf(greedy)).write("grow");
  assert.equal((await greedy.ended).told, "SIGKILL (memory limit)");
  await connectionOf(other);
  assert.ok(isAlive(other.pid));
});

test("when the fork server dies its instances end, and the next start has a new one or says why not", async () => {
  const { launch, told } = forkingFrom(forkServer());
  const first = await launch();
  await connectionOf(first);
  const [, zygote] = await written(told, /^instance 1 imported by (\d+) /);
  assert.ok(Number(zygote) > 0);
  process.kill(parentOf(first.pid), "SIGKILL");
  assert.match((await first.ended).told, /^ended with its fork server: SIGKILL$/);
  await eventually("the instance has ended", () => !isAlive(first.pid));
  const second = await launch();
  assert.equal(second.origin, "started");
  assert.match(second.insteadBecause!, /no fork server: it ended: SIGKILL; it is started again in \d+ms at the earliest/);
  await connectionOf(second);
  const third = await eventually("a fork server is back", async () => {
    const launched = await launch();
    await connectionOf(launched);
    return launched.origin === "forked" ? launched : null;
  });
  assert.ok(isAlive(third.pid));
});

test("a program that can't be a fork server is started plainly, with what it said", async () => {
  const { launch } = forkingFrom(python(FORK_SERVER.replace('if os.environ.get("PILOTLIGHT_FORK") != "1": instance()', "instance()")));
  const launched = await launch();
  assert.equal(launched.origin, "started");
  assert.match(
    launched.insteadBecause!,
    /no fork server: .*was to be a fork server \(PILOTLIGHT_FORK\), and says that it is called by frames/,
  );
  await connectionOf(launched);
  const broken = forkingFrom(sh("echo no such module >&2; exit 1"));
  assert.match((await broken.launch()).insteadBecause!, /no fork server: .*exit code 1\n.*\nno such module/);
});

test("a fork server that says FAILED, nothing sensible, or a stranger's pid does no harm", async () => {
  const refusing = forkingFrom(forkServer('server.sendall(f"FAILED {number} threads run already\\n".encode()); continue'));
  const refused = await refusing.launch();
  assert.equal(refused.origin, "started");
  assert.match(refused.insteadBecause!, /could not fork: threads run already/);
  const babbling = forkingFrom(forkServer('server.sendall(b"WHAT IS THIS\\n"); continue'));
  assert.match((await babbling.launch()).insteadBecause!, /ended with its fork server: SIGKILL \(it said "WHAT IS THIS"\)/);
  const lying = forkingFrom(forkServer(`server.sendall(f"FORKED {number} ${process.pid}\\n".encode()); continue`));
  const claimed = await lying.launch();
  assert.equal(claimed.pid, 0);
  claimed.kill();
  claimed.terminate();
  lying.launcher.close();
  assert.match((await claimed.ended).told, /ended with its fork server/);
});

test("a one-shot call is started, not forked", async () => {
  const { launch } = forkingFrom(forkServer());
  const launched = await launch({ ownsStdio: true });
  assert.equal(launched.origin, "started");
  assert.match(launched.insteadBecause!, /can't be forked/);
});

test("closing the launcher ends its fork server and all its instances", async () => {
  const { launch, launcher } = forkingFrom(forkServer());
  const launched = await launch();
  const connection = await connectionOf(launched);
  const closed = once(connection, "close");
  connection.resume();
  launcher.close();
  await Promise.all([launched.ended, closed]);
  assert.ok(!isAlive(launched.pid));
});

test("closing it while its fork server imports ends that at once, and starts nothing in its place", async () => {
  const { launcher, told } = forkingFrom(sh("echo importing; sleep 600"));
  const launching = launcher.launch({ ...ORDER, instance: 1 });
  await written(told, /^importing$/);
  launcher.close();
  const result = await launching;
  assert.ok(!result.ok);
  assert.match(result.failure.message, /its function is closed/);
});

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1]);
}
