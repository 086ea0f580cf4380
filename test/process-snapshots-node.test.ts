/** Instances from V8's startup snapshots, and what happens when there is none: they are started, and say why. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ProcessSettings } from "../src/config/process-settings.ts";
import type { LaunchedProcess } from "../src/engines/process/launch/launched.ts";
import type { LaunchSubject } from "../src/engines/process/launch/plain-launcher.ts";
import { NodeLauncher } from "../src/engines/process/snapshots/node-launcher.ts";
import { closeAtEnd, facts, folder, keep, logInto, ORDER, python, subjectOf, type Told, written } from "./support/launching.ts";

const FIRST = "its image is made when an instance has been started without one";
const CLIENT = join(import.meta.dirname, "../guest/process/pilotlight.mjs");
let count = 0;

function nodeFunction(text: string): string {
  const file = join(mkdtempSync(join(folder, "node-")), `function-${count++}.mjs`);
  writeFileSync(file, `#!${process.execPath}\nimport { serve } from ${JSON.stringify(CLIENT)};\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

interface Options {
  readonly settings?: Partial<ProcessSettings>;
  readonly subject?: Partial<LaunchSubject>;
}

function launching(file: string, { settings, subject }: Options = {}) {
  const told: Told = { lines: [], notes: [] };
  const dataDir = subject?.dataDir ?? mkdtempSync(join(folder, "data-"));
  const whole = subjectOf(file, { settings: { snapshot: "node", ...settings }, subject: { dataDir, ...subject } });
  const launcher = new NodeLauncher(whole, facts, logInto(told));
  closeAtEnd(launcher);
  async function start(): Promise<LaunchedProcess> {
    const launched = await launcher.launch({ ...ORDER, instance: ++count });
    if (!launched.ok) throw new Error(launched.failure.message);
    keep(launched.value);
    const ready = await launched.value.ready;
    assert.ok(ready.ok, ready.ok ? "" : ready.failure.message);
    return launched.value;
  }
  async function second(): Promise<LaunchedProcess> {
    await start();
    await launcher.settled();
    return start();
  }
  return { dataDir, imagesDir: join(dataDir, "snapshots", "node", "api%2Ftested"), told, launcher, start, second };
}

test("the second instance begins where the first had come to, with its own environment and arguments", async () => {
  const file = nodeFunction(`import { startupSnapshot } from "node:v8";
const loaded = process.hrtime.bigint();
const tell = () => console.log("instance", process.env.PILOTLIGHT_INSTANCE, "loaded", loaded, "arguments", process.argv.slice(2).join());
if (startupSnapshot.isBuildingSnapshot()) startupSnapshot.addDeserializeCallback(tell);
serve(() => "");`);
  const { start, launcher, told } = launching(file, { settings: { command: [process.execPath, "{file}", "a", "b"] } });
  const first = await start();
  assert.deepEqual([first.origin, first.insteadBecause], ["started", FIRST]);
  await launcher.settled();
  const loaded = new Set<string>();
  for (let instance = 0; instance < 2; instance++) {
    const launched = await start();
    assert.deepEqual([launched.origin, launched.insteadBecause], ["deserialized", null]);
    const [, time = ""] = await written(told, new RegExp(`instance ${count} loaded (\\d+)n? arguments a,b`));
    loaded.add(time);
  }
  assert.equal(loaded.size, 1);
});

test("a snapshot is used by the next server too; a torn one, or one whose modules have changed, is built anew", async () => {
  const file = nodeFunction('import { table } from "./table.mjs"; serve(() => table);');
  const module = join(file, "../table.mjs");
  writeFileSync(module, "export const table = {};");
  const { dataDir, imagesDir, second } = launching(file);
  assert.equal((await second()).origin, "deserialized");
  const [key = ""] = readdirSync(imagesDir);
  for (const [spoil, told] of [
    [() => {}, null],
    [() => truncateSync(join(imagesDir, key, "blob"), 1_000), /its file blob has 1000 bytes/],
    [() => utimesSync(module, 1, 1), /table.mjs, which it was made of, has changed/],
  ] as const) {
    spoil();
    const again = launching(file, { subject: { dataDir } });
    const launched = await again.start();
    if (told === null) assert.deepEqual([launched.origin, launched.insteadBecause], ["deserialized", null]);
    else assert.match(launched.insteadBecause ?? "", told);
    await again.launcher.settled();
    assert.equal((await again.start()).origin, "deserialized");
  }
});

test("what no snapshot can be built of says why, and is started as before", async () => {
  const inBuilder = 'import { startupSnapshot } from "node:v8"; if (startupSnapshot.isBuildingSnapshot())';
  for (const [file, told, settings] of [
    [nodeFunction('await Promise.resolve(); serve(() => "");'), /can't be bundled: Top-level await .* \(function-\d+\.mjs:3\)/, {}],
    [nodeFunction('console.log(import.meta.url); serve(() => "");'), /it uses import.meta \(function-\d+\.mjs:3\)/, {}],
    [nodeFunction(`${inBuilder} throw new TypeError("no table"); serve(() => "");`), /startup snapshot of it: TypeError: no table$/, {}],
    [
      nodeFunction('import { createServer } from "node:net"; createServer().listen(0).unref(); serve(() => "");'),
      /a Server is there before serve\(\) is called that a snapshot can't hold/,
      {},
    ],
    [
      nodeFunction(`${inBuilder} setInterval(() => {}, 1000); serve(() => "");`),
      /it was not done within 1500ms \(ready_timeout\): something is left open/,
      { readyTimeoutMs: 1_500 },
    ],
    [
      python(
        `import socket, os, time\nc = socket.socket(socket.AF_UNIX); c.connect(os.environ["PILOTLIGHT_SOCKET"]); c.sendall(b"READY frames/1 1\\n")\ntime.sleep(600)`,
      ),
      /it is no program for Node: its first line names/,
      {},
    ],
  ] as const) {
    const { second, imagesDir } = launching(file, { settings });
    const launched = await second();
    assert.equal(launched.origin, "started");
    assert.match(launched.insteadBecause!, told);
    if (settings.readyTimeoutMs === undefined) assert.deepEqual(entriesOf(imagesDir), []);
  }
});

test("a snapshot that no instance comes of is dropped, and its instance started in the same breath", async () => {
  const file = nodeFunction(`import { startupSnapshot } from "node:v8";
if (startupSnapshot.isBuildingSnapshot()) startupSnapshot.addDeserializeCallback(() => { throw new Error("the table is gone"); });
serve(() => "");`);
  const { second, imagesDir, told } = launching(file);
  const launched = await second();
  assert.equal(launched.origin, "started");
  assert.match(launched.insteadBecause!, /^no instance comes of its startup snapshot: .*ended before READY/);
  await written(told, /the table is gone/);
  assert.deepEqual(readdirSync(imagesDir), []);
});

function entriesOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
