/** Commands under test, badly behaved: nothing of them is left, and the failure says in one line why. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { Result } from "../src/base/result.ts";
import { type CommandFor, parseCommand } from "../src/lab/ab/command-text.ts";
import { unpinned } from "../src/lab/ab/cores.ts";
import { startGroup } from "../src/lab/ab/process-group.ts";
import { allProcesses, membersOf } from "../src/lab/ab/processes.ts";
import { type ServerUnderTest, startServer } from "../src/lab/ab/server.ts";
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

function start(command: CommandFor, timeoutMs = 20_000, body = "ok"): Promise<Result<ServerUnderTest>> {
  return startServer({ label: "A", command }, healthPlan({ bodyIncludes: [body] }), { pinning: unpinned("a test"), timeoutMs });
}

async function messageOf(command: CommandFor, timeoutMs?: number, body?: string): Promise<string> {
  const started = await start(command, timeoutMs, body);
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

test("forked children, those that ignore SIGTERM and those that left the group all go", { skip }, async () => {
  const stubborn = `trap '' TERM; setsid ${NODE} -e 'process.on("SIGTERM",()=>{});setInterval(()=>{},9e8)' & sleep 1000 & exec ${NODE} -e '${SERVE.replaceAll("'", "'\\''")}' {port}`;
  const started = await start(shell(stubborn));
  assert.ok(started.ok, started.ok ? "" : started.failure.message);
  const { group } = started.value;
  const pids = membersOf(group).map(({ pid }) => pid);
  assert.ok(pids.length >= 3, `found ${pids}`);
  assert.equal(await group.stop(), true);
  assert.deepEqual(pids.filter(living), []);
});

test("a daemon whose parents are gone is found by its mark", { skip }, async () => {
  const started = await start(shell(`( setsid sleep 1000 & ) ; exec ${NODE} -e '${SERVE.replaceAll("'", "'\\''")}' {port}`));
  assert.ok(started.ok, started.ok ? "" : started.failure.message);
  const { group } = started.value;
  const daemon = membersOf(group).find(({ groupId }) => groupId !== group.pid);
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

test("a command that never listens is given up after its time", { skip }, async () => {
  assert.match(
    await messageOf(shell("sleep 1000 # {port}"), 300),
    /^A gave no right answer within 300 ms: nothing listens there; it said nothing$/,
  );
});

test("an answer that is not the right one is no start", { skip }, async () => {
  assert.match(await messageOf(node(SERVE), 1_500, "healthy"), /its body "ok" lacks "healthy"/);
  const teapot = node(SERVE.replace("s.end", "(s.statusCode=418,s).end"));
  assert.match(await messageOf(teapot, 1_500), /answered 418/);
});

test("a server that accepts and says nothing is given up", { skip }, async () => {
  const mute = node(`require("node:net").createServer(()=>{}).listen(process.argv[1],"127.0.0.1")`);
  assert.match(await messageOf(mute, 800), /accepts connections and doesn't answer/);
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
    const started = await startGroup(["/bin/sh", "-c", "setsid sleep 1000 & sleep 1000"], process.env);
    console.log(started.value.pid + " " + started.value.mark);
    setInterval(() => {}, 1e6);`;
  const ours = spawn(NODE, ["--input-type=module", "-e", source], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(ours.stdout, "data")) as [Buffer];
  const [pid, mark] = line.toString().trim().split(" ") as [string, string];
  const belonging = { pid: Number(pid), mark };
  while (membersOf(belonging).length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
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
