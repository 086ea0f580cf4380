/** Calls through the engine to instances that were made of images: of CRIU with the client for Python, of V8 with the one for Node. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import type { ProcessSettings } from "../src/config/process-settings.ts";
import type { Sandbox } from "../src/engines/engine.ts";
import type { LaunchedProcess } from "../src/engines/process/launch/launched.ts";
import { countedCall } from "./support/counted-call.ts";
import { criuFacts, WITH_CRIU } from "./support/criu.ts";
import { fakeCall } from "./support/fake-exchange.ts";
import { eventually } from "./support/fake-fleet.ts";
import { PYTHON } from "./support/launching.ts";
import { makeProcessEngine, processSource } from "./support/process-subject.ts";

// Where the engine looks for it, as it does in a server.
if (criuFacts.criu.file !== null) process.env["PATH"] = `${dirname(criuFacts.criu.file)}:${process.env["PATH"]}`;

const folder = mkdtempSync(join(tmpdir(), "pilotlight-snapshots-"));
const logs: { level: string; message: string }[] = [];
const launched: LaunchedProcess[] = [];
const engine = makeProcessEngine({ logs, launched });
after(() => {
  engine.close();
  rmSync(folder, { recursive: true, force: true });
});

const PYTHON_FUNCTION = `#!${PYTHON}
import os, random, ssl, time
import pilotlight
loaded, drawn = time.monotonic_ns(), [random.random(), ssl.RAND_bytes(8)]
def handler(request):
    if "wait" in request.query: time.sleep(float(request.query["wait"]))
    return {"loaded": str(loaded), "random": random.random(), "ssl": ssl.RAND_bytes(8).hex(), "instance": os.environ["PILOTLIGHT_INSTANCE"]}
pilotlight.serve(handler)
`;

const NODE_FUNCTION = `#!${process.execPath}
import { randomInt, randomUUID } from "node:crypto";
import { serve } from ${JSON.stringify(join(import.meta.dirname, "../guest/process/pilotlight.mjs"))};
const loaded = randomUUID();
randomInt(1000);
serve(async (request) => {
  const waitMs = 1000 * (request.query.get("wait") ?? 0);
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  const random = [randomUUID(), randomInt(2 ** 40), Math.random()].join();
  return { loaded, random, instance: process.env.PILOTLIGHT_INSTANCE };
}, { concurrency: 1 });
`;

interface Said {
  readonly loaded: string;
  readonly random: number | string;
  readonly ssl?: string;
  readonly instance: string;
}

async function ask(sandbox: Sandbox, target = "/"): Promise<Said> {
  const { call, answer } = fakeCall({ target });
  sandbox.invoke(call);
  const { failure, body } = await answer;
  assert.equal(failure, null);
  return JSON.parse(body.toString()) as Said;
}

/** A function with an image of it: its first instance has answered, was replaced, and is gone. */
async function opened(text: string, process: Partial<ProcessSettings>) {
  const file = join(folder, `function-${launched.length}.${text.includes("node:") ? "mjs" : "py"}`);
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  const template = await engine.prepare(
    processSource(file, { functionId: `f${launched.length}`, process: { instanceMax: 4, ...process } }),
  );
  const sandbox = await template.open();
  const first = await ask(sandbox);
  await eventually("an instance is made of an image", async () => {
    for (const one of launched.splice(0)) {
      one.kill();
      await one.ended;
    }
    await ask(sandbox);
    const { starts } = template.processMetrics();
    return starts.restored.count + starts.deserialized.count > 0;
  });
  return { template, sandbox, first };
}

test("restored instances of the client for Python are called by the ring, and each draws its own random numbers", WITH_CRIU, async () => {
  const { template, sandbox, first } = await opened(PYTHON_FUNCTION, { snapshot: "criu" });
  const all = await Promise.all(Array.from({ length: 4 }, () => ask(sandbox, "/?wait=0.3")));
  const { way, starts, insteadBecause } = template.processMetrics();
  assert.deepEqual([way, insteadBecause], ["ring", null]);
  assert.ok(starts.restored.count >= 4 && starts.restored.spawnMaxMs > 0);
  for (const key of ["random", "ssl", "instance"] as const) assert.equal(new Set(all.map((said) => said[key])).size, 4, key);
  assert.equal(new Set(all.map(({ loaded }) => loaded)).size, 1);
  assert.notEqual(all[0]!.loaded, first.loaded);
  sandbox.close();
});

test("calls end once each while restored instances are killed under them", WITH_CRIU, async () => {
  const { sandbox, template } = await opened(PYTHON_FUNCTION, { snapshot: "criu", queueMax: 1_000 });
  const counted = Array.from({ length: 300 }, (_, number) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    return { ...countedCall(number, { method: "GET", isBodyWhole: true, target: "/?wait=0.005" }, resolve), promise };
  });
  for (const { call } of counted) sandbox.invoke(call);
  for (let kill = 0; kill < 3; kill++) {
    await Promise.race(counted.slice(kill * 80 + 40).map(({ promise }) => promise));
    launched.find(({ origin }) => origin === "restored")?.kill();
    launched.splice(0, 1);
  }
  await Promise.all(counted.map(({ promise }) => promise));
  assert.deepEqual([...new Set(counted.map(({ ends }) => ends.length))], [1]);
  assert.ok(counted.filter(({ ends }) => ends[0] === "answered").length > 200);
  assert.ok(template.processMetrics().starts.restored.count >= 2);
  sandbox.close();
});

test("instances of a startup snapshot have what was made before serve(), and draw their own random numbers", async () => {
  const { template, sandbox, first } = await opened(NODE_FUNCTION, { snapshot: "node" });
  const all = await Promise.all(Array.from({ length: 4 }, () => ask(sandbox, "/?wait=0.5")));
  const { starts, insteadBecause } = template.processMetrics();
  assert.equal(insteadBecause, null);
  assert.ok(starts.deserialized.count >= 4);
  for (const key of ["random", "instance"] as const) assert.equal(new Set(all.map((said) => said[key])).size, 4, key);
  const parts = all.map(({ random }) => String(random).split(","));
  for (const at of [0, 1, 2]) assert.equal(new Set(parts.map((part) => part[at])).size, 4, `generator ${at}`);
  assert.equal(new Set(all.map(({ loaded }) => loaded)).size, 1);
  assert.notEqual(all[0]!.loaded, first.loaded);
  sandbox.close();
});

test("why instances were not restored is in the metrics, and in the log once", async () => {
  const file = join(folder, "shell.sh");
  writeFileSync(file, `#!${PYTHON}\nimport pilotlight\npilotlight.serve(lambda request: {"loaded": "", "random": 0, "instance": ""})\n`);
  chmodSync(file, 0o755);
  const template = await engine.prepare(processSource(file, { functionId: "told", process: { snapshot: "node", instanceMax: 1 } }));
  const sandbox = await template.open();
  for (let start = 0; start < 2; start++) {
    await ask(sandbox);
    for (const one of launched.splice(0)) {
      one.kill();
      await one.ended;
    }
  }
  await ask(sandbox);
  assert.match(template.processMetrics().insteadBecause!, /^it is no program for Node \(shell.sh\)$/);
  assert.equal(logs.filter(({ message }) => message.includes("it is no program for Node (shell.sh)")).length, 1);
  sandbox.close();
});
