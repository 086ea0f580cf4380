/** How processes of functions end: by themselves, by us, with all they started, and with what they said. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { MIB } from "../src/base/units.ts";
import type { MachineFacts } from "../src/engines/process/launch/machine-facts.ts";
import { LINES_PER_SECOND } from "../src/engines/process/launch/output-lines.ts";
import { childrenBySearch, childrenOf, descendantsOf, startedWith } from "../src/engines/process/launch/process-tree.ts";
import { eventually } from "./support/fake-fleet.ts";
import { bareFacts, facts, launch, node, python, sh, written } from "./support/launching.ts";
import { isAlive } from "./support/processes.ts";

const HAS_NAMESPACE = facts.namespaces.pid === null;

/** With what this machine has, and with nothing. */
const HOLDINGS: readonly (readonly [name: string, facts: MachineFacts])[] = [
  ...(HAS_NAMESPACE ? [["in a PID namespace", facts] as const] : []),
  ["without namespaces", bareFacts],
];
if (!HAS_NAMESPACE) console.warn(`NOT TESTED: PID namespaces can't be had here: ${facts.namespaces.pid}`);

/** Detaches a process as daemons do, which tells its pid and stays; so does the program itself. */
const DETACHING = `import os, sys, time
told, tell = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("detached", os.getpid(), flush=True)
        os.write(tell, b".")
        time.sleep(600)
    os._exit(0)
os.wait()
os.read(told, 1)
print("ready", flush=True)
time.sleep(600)`;

for (const [name, machine] of HOLDINGS) {
  test(`${name}: exit codes and signals are told as they are`, async () => {
    const ends = await Promise.all(
      ["exit 0", "exit 3", "kill -SEGV $$", "kill -TERM $$", "kill -KILL $$"].map(async (script) => {
        const { launched } = await launch(sh(script), { facts: machine });
        return launched.ended;
      }),
    );
    assert.deepEqual(
      ends.map(({ code, signal, told }) => [code, signal, told]),
      [
        [0, null, "exit code 0"],
        [3, null, "exit code 3"],
        [null, "SIGSEGV", "SIGSEGV"],
        [null, "SIGTERM", "SIGTERM"],
        [null, "SIGKILL", "SIGKILL"],
      ],
    );
  });

  test(`${name}: SIGTERM ends a program that has no handler for it`, async () => {
    const shellFunction = sh("echo up; sleep 600");
    for (const file of [
      shellFunction,
      node("console.log('up'); setInterval(() => {}, 1000);"),
      python("import time\nprint('up', flush=True)\ntime.sleep(600)"),
    ]) {
      const { launched, told } = await launch(file, { facts: machine });
      await written(told, /^up$/);
      launched.terminate();
      assert.equal((await launched.ended).signal, "SIGTERM");
      // Of the shell that holds it; a function's own shell may have something to say.
      if (file !== shellFunction)
        assert.deepEqual(
          told.lines.map(({ text }) => text),
          ["up"],
        );
    }
  });

  test(`${name}: a handler of SIGTERM runs once, and decides the end`, async () => {
    const file = python(`import os, signal, sys, time
def stop(*_):
    os.write(1, b"stopping\\n")
    time.sleep(0.1)
    sys.exit(7)
signal.signal(signal.SIGTERM, stop)
print("up", flush=True)
while True: time.sleep(1)`);
    const { launched, told } = await launch(file, { facts: machine });
    await written(told, /^up$/);
    launched.terminate();
    assert.equal((await launched.ended).told, "exit code 7");
    assert.deepEqual(
      told.lines.map(({ text }) => text),
      ["up", "stopping"],
    );
  });

  test(`${name}: one that ignores SIGTERM is killed`, async () => {
    const { launched, told } = await launch(sh("trap '' TERM; echo up; while :; do sleep 1; done"), { facts: machine });
    await written(told, /^up$/);
    launched.terminate();
    launched.terminate();
    assert.equal(await Promise.race([launched.ended, new Promise((resolve) => setTimeout(resolve, 200, "stays"))]), "stays");
    launched.kill();
    assert.equal((await launched.ended).told, "SIGKILL");
    launched.kill();
    launched.terminate();
    assert.equal(launched.memoryBytes(), 0);
  });

  test(`${name}: what detached itself is killed with it`, async () => {
    const { launched, told } = await launch(python(DETACHING), { facts: machine });
    await written(told, /^ready$/);
    const relatives = relativesOf(launched.pid);
    assert.ok(relatives.length >= 2);
    assert.deepEqual(childrenBySearch(launched.pid), childrenOf(launched.pid));
    launched.kill();
    await launched.ended;
    if (machine !== bareFacts) assert.ok(!relatives.some(isAlive), "its end was told before all of it had ended");
    await eventually("the detached process has ended", () => !relatives.some(isAlive));
  });

  test(`${name}: what it leaves behind when it exits is ended too`, async () => {
    const file = python(DETACHING.replace(/^print\("ready"[\s\S]*$/m, "sys.exit(0)"));
    const { launched, told } = await launch(file, { facts: machine });
    const [, outer] = await written(told, /^detached (\d+)$/);
    assert.equal((await launched.ended).code, 0);
    if (machine === bareFacts) await eventually("it has ended", () => !isAlive(Number(outer)));
  });

  test(`${name}: memory above the limit ends it, and is told as that`, async () => {
    const file = python(`import time
blocks = []
while True:
    blocks.append(b"x" * (4 * 1024 * 1024))
    time.sleep(0.005)`);
    const { launched } = await launch(file, { facts: machine, subject: { memoryMaxBytes: 64 * MIB } });
    await eventually("its memory is seen", () => launched.memoryBytes() > 8 * MIB);
    assert.deepEqual(await launched.ended, { code: null, signal: "SIGKILL", told: "SIGKILL (memory limit)" });
  });

  test(`${name}: more processes than it may have end it, and all of them with it`, async () => {
    // Bounded: a real bomb, should it escape, would take the machine along.
    const file = sh("count=0; while [ $count -lt 200 ]; do sleep 600 & count=$((count + 1)); done; wait");
    const { launched } = await launch(file, { facts: machine, settings: { processMax: 100 } });
    const { pid } = launched;
    assert.equal((await launched.ended).told, "SIGKILL (process limit)");
    assert.deepEqual(descendantsOf(pid), []);
  });
}

/** Everything that was started with the same socket in its environment, wherever it is in the tree. */
function relativesOf(pid: number): number[] {
  const mark = readFileSync(`/proc/${pid}/environ`, "latin1")
    .split("\0")
    .find((entry) => entry.startsWith("PILOTLIGHT_SOCKET="));
  return startedWith([mark!]);
}

test("shell functions may open their standard streams by name", async () => {
  const { launched, told } = await launch(sh("cat /dev/stdin > /dev/stdout; echo fault > /dev/stderr"), {}, { ownsStdio: true });
  launched.stdin!.end("body of a request");
  const [answer, end] = await Promise.all([text(launched.stdout!), launched.ended]);
  assert.equal(answer, "body of a request");
  assert.equal(end.code, 0);
  assert.deepEqual(told.lines, [{ output: "stderr", text: "fault" }]);
});

test("without ownership its input is empty and its output is its log", async () => {
  const { launched, told } = await launch(sh("cat; echo out; echo err >&2; printf 'no end'"));
  assert.equal(launched.stdin, null);
  assert.equal(launched.stdout, null);
  await launched.ended;
  assert.deepEqual(told.lines.map(({ output, text }) => `${output} ${text}`).sort(), ["stderr err", "stdout no end", "stdout out"]);
});

test("a large body goes through its pipes whole", async () => {
  const { launched } = await launch(sh("exec cat"), {}, { ownsStdio: true });
  const body = "0123456789abcdef".repeat(256 * 1024);
  launched.stdin!.end(body);
  assert.equal(await text(launched.stdout!), body);
});

test("one that fills its standard error is neither held up nor kept in memory", async () => {
  const file = python(`import sys
line = "x" * 99 + "\\n"
for _ in range(200_000): sys.stderr.write(line)
sys.stderr.write("y" * 20_000_000)
sys.stderr.write("\\nlast\\n")
print("through", flush=True)`);
  const before = process.memoryUsage().rss;
  const { launched, told } = await launch(file);
  assert.equal((await launched.ended).code, 0);
  const lines = told.lines.filter(({ output }) => output === "stderr");
  assert.ok(told.lines.some(({ text }) => text === "through"));
  assert.ok(lines.length >= LINES_PER_SECOND && lines.length < 100_000);
  const dropped = told.notes
    .map((note) => Number(/^(\d+) lines of its stderr were dropped/.exec(note)?.[1] ?? 0))
    .reduce((sum, count) => sum + count, 0);
  assert.ok(lines.length + dropped >= 200_001, `${lines.length} written and ${dropped} dropped`);
  assert.ok(process.memoryUsage().rss - before < 100 * MIB);
});

test("who goes on writing after the end of the program holds up nothing", async () => {
  const { launched, told } = await launch(sh("(setsid sh -c 'while :; do echo more || exit; sleep 0.01; done' &) ; echo done; exit 4"), {
    facts: bareFacts,
  });
  assert.equal((await launched.ended).code, 4);
  const count = told.lines.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(told.lines.length, count);
});

test("its environment is what the protocol says, and nothing of the server's", async () => {
  process.env["SERVER_SECRET"] = "hidden";
  const { launched, told } = await launch(
    python("import os\nfor name in sorted(os.environ): print(name, '=', os.environ[name], flush=True)"),
    {
      subject: {
        env: { GREETING: "hello", TZ: "Asia/Tokyo", PILOTLIGHT_INSTANCE: "forged", PILOTLIGHT_FORK: "1", NODE_OPTIONS: "--trace-warnings" },
      },
    },
    { moreEnv: { REQUEST_METHOD: "GET" } },
  );
  await launched.ended;
  delete process.env["SERVER_SECRET"];
  const env = Object.fromEntries(told.lines.map(({ text }) => text.split(" = ") as [string, string]));
  const { LANG, LC_CTYPE, ...rest } = env;
  assert.deepEqual(Object.keys(rest).sort(), [
    "AETHER_FUNCTION_ID",
    "AETHER_SOCKET",
    "AETHER_TRIGGER_PORT",
    "GREETING",
    "HOME",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PATH",
    "PILOTLIGHT_FUNCTION",
    "PILOTLIGHT_INSTANCE",
    "PILOTLIGHT_SOCKET",
    "PORT",
    "PYTHONPATH",
    "REQUEST_METHOD",
    "TZ",
  ]);
  assert.deepEqual([env["PILOTLIGHT_INSTANCE"], env["TZ"], env["NODE_OPTIONS"]], ["7", "Asia/Tokyo", "--trace-warnings"]);
  assert.match(env["HOME"]!, /data\/home\/api%2Ftested$/);
});

test("limits of open files and core files hold in it", async () => {
  const { launched, told } = await launch(sh("ulimit -n; ulimit -c; pwd; echo $HOME"), { settings: { openFileMax: 77 } });
  await launched.ended;
  const [files, core, folder, home] = told.lines.map(({ text }) => text);
  assert.deepEqual([files, core], ["77", "0"]);
  assert.equal(folder, home);
});
