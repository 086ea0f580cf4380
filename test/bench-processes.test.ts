/** Commands under test, badly behaved: nothing of them is left, and the failure says in one line why. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { Result } from "../src/base/result.ts";
import { type CommandFor, parseCommand } from "../src/lab/ab/command-text.ts";
import { unpinned } from "../src/lab/ab/cores.ts";
import { waitForAnswer } from "../src/lab/ab/probe.ts";
import { startGroup } from "../src/lab/ab/process-group.ts";
import { allProcesses, type Belonging, membersOf, type ProcessStat } from "../src/lab/ab/processes.ts";
import { type ServerUnderTest, startServer } from "../src/lab/ab/server.ts";
import { readKernelFile } from "../src/lab/kernel-files.ts";
import type { Checks } from "../src/lab/load/plan.ts";
import { healthPlan } from "./support/bench-plan.ts";

const skip = process.platform !== "linux" && "it reads /proc";
const NODE = process.execPath;
const SERVE = `require("node:http").createServer((q,s)=>s.end("ok")).listen(process.argv[1],"127.0.0.1")`;

function node(source: string): CommandFor {
  return (port) => [NODE, "-e", source, String(port)];
}

function shell(text: string): CommandFor {
  const parsed = parseCommand(text);
  assert.ok(parsed.ok);
  return parsed.value;
}

function start(command: CommandFor, timeoutMs = 20_000): Promise<Result<ServerUnderTest>> {
  return startServer({ label: "A", command }, healthPlan({ bodyIncludes: ["ok"] }), { pinning: unpinned("a test"), timeoutMs });
}

async function messageOf(command: CommandFor, timeoutMs?: number): Promise<string> {
  const started = await start(command, timeoutMs);
  if (started.ok) await started.value.group.stop();
  assert.ok(!started.ok, "it should not have come up");
  assert.doesNotMatch(started.failure.message, /\n/);
  return started.failure.message;
}

function living(pid: number): boolean {
  return allProcesses().some((one) => one.pid === pid && one.state !== "Z");
}

test("a server is up at its first right answer, and gone after stop", { skip }, async () => {
  const started = await start(node(SERVE));
  assert.ok(started.ok, started.ok ? "" : started.failure.message);
  const { group, bootMs } = started.value;
  assert.ok(bootMs > 0);
  assert.ok(living(group.pid));
  assert.equal(await group.stop(), true);
  assert.deepEqual(membersOf(group), []);
});

/** Polls: what a shell starts in the background is there some time after its foreground. Bounded by the test run's own limit. */
async function members(belonging: Belonging, count: number): Promise<ProcessStat[]> {
  for (;;) {
    const found = membersOf(belonging);
    if (found.length >= count) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const STUBBORN = `trap "" TERM; while :; do sleep 1000; done`;

test("forked children, those that ignore SIGTERM, and those that left the group and even the environment all go", { skip }, async () => {
  const command = `setsid /bin/sh -c '${STUBBORN}' & setsid env -i /bin/sh -c '${STUBBORN}' & sleep 1000 & exec ${NODE} -e '${SERVE.replaceAll("'", "'\\''")}' {port}`;
  const started = await start(shell(command));
  assert.ok(started.ok, started.ok ? "" : started.failure.message);
  const { group } = started.value;
  // The server, two stubborn shells with a sleep each, and a plain sleep.
  const pids = (await members(group, 6)).map(({ pid }) => pid);
  assert.equal(await group.stop(), true);
  assert.deepEqual(pids.filter(living), []);
});

test("a daemon whose parents are gone is found by its mark", { skip }, async () => {
  const started = await start(shell(`( setsid sleep 1000 & ) ; exec ${NODE} -e '${SERVE.replaceAll("'", "'\\''")}' {port}`));
  assert.ok(started.ok, started.ok ? "" : started.failure.message);
  const { group } = started.value;
  const daemon = (await members(group, 2)).find(({ groupId }) => groupId !== group.pid);
  assert.ok(daemon, "the daemon is a member");
  await group.stop();
  assert.equal(living(daemon.pid), false);
});

test("a command that exits at once says how, with its last words", { skip }, async () => {
  assert.match(await messageOf(shell("echo no config >&2; exit 3 # {port}")), /^A exited with 3; its last words: no config$/);
});

test("a command that doesn't exist is named", { skip }, async () => {
  assert.match(await messageOf(shell("/nowhere/server {port}")), /^A can't be started: .*ENOENT/);
});

test("a question that can't even be asked leaves no process behind", { skip }, async () => {
  const before = new Set(allProcesses().map(({ pid }) => pid));
  const load = { ...healthPlan(), headers: [["x", "a\x7f"]] as const };
  const subject = { label: "A", command: shell("exec sleep 987 # {port}") };
  await assert.rejects(startServer(subject, load, { pinning: unpinned("a test"), timeoutMs: 20_000 }), /Invalid character in header/);
  const left = allProcesses().filter(({ pid, parentPid, state }) => parentPid === process.pid && state !== "Z" && !before.has(pid));
  // The guard ends by itself, a moment after it was dismissed.
  assert.deepEqual(
    left.filter(({ pid }) => readKernelFile(`/proc/${pid}/cmdline`).includes("987")),
    [],
  );
});

test("a command that never listens is given up after its time", { skip }, async () => {
  assert.match(
    await messageOf(shell("sleep 1000 # {port}"), 300),
    /^A gave no right answer within 300 ms: nothing listens there; it said nothing$/,
  );
});

/** Why a server that listens already is not up, after one question. */
async function whyNotUp(server: Server, checks: Partial<Checks>, timeoutMs = 20_000): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const plan = healthPlan(checks);
  const { port } = server.address() as AddressInfo;
  const waited = await waitForAnswer({ ...plan, timeoutMs, target: { ...plan.target, port } }, 0, () => null);
  server.close();
  assert.ok(!waited.isUp, "it should not have come up");
  return waited.because;
}

test("an answer that is not the right one is no start, and judged as under load", async () => {
  const answers = (status: number, headers: Record<string, string> = {}): Server =>
    createServer((_, response) => response.writeHead(status, headers).end("ok"));
  assert.match(await whyNotUp(answers(200), { bodyIncludes: ["healthy"] }), /the body has no "healthy": "ok"/);
  assert.match(await whyNotUp(answers(418), {}), /status 418/);
  const header = { headers: [{ name: "x-state", value: "up" }] };
  assert.match(await whyNotUp(answers(200, { "x-state": "upside-down" }), header), /header x-state is "upside-down", not "up"/);
});

test("a server that accepts and says nothing is given up, and the limit is named", async () => {
  const sockets = new Set<Socket>();
  const mute = createTcpServer((socket) => sockets.add(socket.on("error", () => {})));
  const because = await whyNotUp(mute, {}, 50);
  for (const socket of sockets) socket.destroy();
  assert.match(because, /accepts connections and doesn't answer within 50 ms/);
});

test("a command whose own port is taken shows its error", { skip }, async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const message = await messageOf(node(SERVE.replace("process.argv[1]", String(port))));
  other.close();
  assert.match(message, /exited with 1.*EADDRINUSE/);
});

test("terminal sequences in a command's last words are shown, not obeyed", { skip }, async () => {
  assert.match(await messageOf(shell("printf '\\033[2Jgone' >&2; exit 1 # {port}")), /last words: \\x1b\[2Jgone/);
});

test("when we are killed, the guard ends what we started", { skip }, async () => {
  const file = join(dirname(import.meta.dirname), "src/lab/ab/process-group.ts");
  const source = `
    const { startGroup } = await import(${JSON.stringify(file)});
    const started = await startGroup(["/bin/sh", "-c", "setsid sleep 1000 & setsid env -i /bin/sh -c 'sleep 1000; :' & sleep 1000"], process.env);
    console.log(started.value.pid + " " + started.value.mark);
    setInterval(() => {}, 1e6);`;
  const ours = spawn(NODE, ["--input-type=module", "-e", source], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(ours.stdout, "data")) as [Buffer];
  const [pid, mark] = line.toString().trim().split(" ") as [string, string];
  const belonging = { pid: Number(pid), mark, known: new Map() };
  // Two shells and three sleeps.
  await members(belonging, 5);
  ours.kill("SIGKILL");
  // Bounded by the test run's own limit: if the guard fails this never ends.
  while (membersOf(belonging).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
});

test("stopping twice is stopping once", { skip }, async () => {
  const started = await startGroup(["sleep", "1000"], process.env);
  assert.ok(started.ok);
  assert.deepEqual(await Promise.all([started.value.stop(), started.value.stop()]), [true, true]);
  assert.match(started.value.exit() ?? "", /SIGTERM/);
});
