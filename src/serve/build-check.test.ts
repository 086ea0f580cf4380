/** The build check over a scripted deployment: what is built, when, and what is told of it. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { eventually, spec } from "../../test/support/fake-fleet.ts";
import type { Failure } from "../base/result.ts";
import { PROCESS_DEFAULTS } from "../config/process-settings.ts";
import { BuildCheck, type BuildCheckHost, FUNCTIONS_MAX_COUNT } from "./build-check.ts";
import type { BundleRef, FunctionSpec } from "./function-spec.ts";

const BUNDLE = { hash: "h" } as BundleRef;
const BROKEN: Failure = { code: "SYNTAX_ERROR", message: "no", hint: "Mend it", at: { file: "a.ts", line: 1, column: 2 } };

function scripted(functions: readonly FunctionSpec[]) {
  const broken = new Map<string, Failure>();
  const met = new Map<string, Failure>();
  const builds: string[] = [];
  const checks: string[] = [];
  const told: [string, string][] = [];
  let deployed = functions;
  const host: BuildCheckHost = {
    live: {
      get current() {
        return { version: 1, functions: deployed };
      },
      specOf: (id) => deployed.find((one) => one.id === id) ?? null,
      failureOf: ({ id, failure }) => failure ?? met.get(id) ?? null,
    },
    build: async (id) => {
      builds.push(id);
      const failure = broken.get(id) ?? null;
      return { bundle: failure === null ? BUNDLE : null, failure };
    },
    check: async (id) => {
      checks.push(id);
      return broken.get(id) ?? null;
    },
    record: (level, message, fields) => {
      told.push([level, `${fields["function"]}: ${message}`]);
    },
  };
  const deploy = (next: readonly FunctionSpec[]): void => {
    deployed = next;
  };
  return { host, broken, met, builds, checks, told, deploy };
}

const turns = () => new Promise((resolve) => setImmediate(resolve));

test("a failure is told once, again when its file was saved, and its end is told", async () => {
  const { host, broken, builds, told } = scripted([spec("a"), spec("b")]);
  const check = new BuildCheck("dev", host);
  broken.set("a", BROKEN);
  const saved = async (...ids: string[]): Promise<[string, string][]> => {
    check.deployed(new Set(ids));
    await turns();
    return told.splice(0);
  };
  assert.deepEqual([await saved("a"), builds], [[], []], "nothing before it begins");
  check.begin();
  await turns();
  assert.deepEqual(told.splice(0), [["error", "a: no"]]);
  assert.deepEqual(await saved("b"), []);
  assert.deepEqual(await saved("a"), [["error", "a: no"]]);
  broken.set("a", { ...BROKEN, message: "no more" });
  assert.deepEqual(await saved("b"), [["error", "a: no more"]], "a module that it imports was saved");
  broken.clear();
  assert.deepEqual(await saved("a"), [["info", "a: a builds again"]]);
  assert.deepEqual(await saved("a"), []);
});

test("what forbids a function to be served is told without building it", async () => {
  const { host, builds, told, deploy } = scripted([spec("a", { failure: BROKEN })]);
  const check = new BuildCheck("serve", host);
  check.begin();
  assert.deepEqual([told.splice(0), builds], [[["error", "a: no"]], []]);
  deploy([]);
  check.deployed(new Set());
  deploy([spec("a", { failure: BROKEN })]);
  check.deployed(new Set());
  assert.deepEqual(told, [["error", "a: no"]], "it was gone meanwhile");
  check.close();
});

test("a failure that a call has met is in the log already", async () => {
  const { host, met, builds, told } = scripted([spec("a")]);
  met.set("a", BROKEN);
  const check = new BuildCheck("dev", host);
  check.begin();
  await turns();
  assert.deepEqual([builds, told], [[], []]);
  met.clear();
  check.deployed(new Set(["a"]));
  await turns();
  assert.deepEqual(told, [["info", "a: a builds again"]]);
});

test("a module is looked at and not built, and again only when it was saved", async () => {
  const { host, broken, builds, checks, told } = scripted([spec("a", { engine: "wasm" }), spec("b", { engine: "wasm" })]);
  broken.set("a", BROKEN);
  const check = new BuildCheck("dev", host);
  check.begin();
  await turns();
  assert.deepEqual(told.splice(0), [["error", "a: no"]]);
  assert.deepEqual(checks.splice(0), ["a", "b"]);
  check.deployed(new Set(["b"]));
  await turns();
  assert.deepEqual([told.splice(0), checks.splice(0).sort()], [[], ["a", "b"]]);
  broken.clear();
  check.deployed(new Set(["a"]));
  await turns();
  assert.deepEqual([told, checks, builds], [[["info", "a: a builds again"]], ["a"], []]);
});

test("of very many functions only those that were saved are built", async () => {
  const { host, builds } = scripted(Array.from({ length: FUNCTIONS_MAX_COUNT + 1 }, (_, index) => spec(`f${index}`)));
  const check = new BuildCheck("dev", host);
  check.begin();
  await turns();
  assert.deepEqual(builds, []);
  check.deployed(new Set(["f7"]));
  await turns();
  assert.deepEqual(builds, ["f7"]);
});

test("functions with a bundle, or of another engine, are not built", async () => {
  const { host, builds } = scripted([spec("a", { bundle: BUNDLE }), spec("b", { engine: "process" })]);
  new BuildCheck("dev", host).begin();
  await turns();
  assert.deepEqual(builds, []);
});

/** A clock that the test moves: timers and performance.now. */
function manualClock(t: TestContext): (ms: number) => Promise<void> {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 10_000;
  t.mock.method(performance, "now", () => nowMs);
  return async (ms) => {
    nowMs += ms;
    t.mock.timers.tick(ms);
    await turns();
  };
}

test("a server builds one function at a time, after a second in which no call needed a build", async (t) => {
  const pass = manualClock(t);
  const { host, builds } = scripted([spec("a"), spec("b")]);
  const { promise, resolve } = Promise.withResolvers<void>();
  const build: BuildCheckHost["build"] = async (id) => {
    const outcome = await host.build(id);
    await promise;
    return outcome;
  };
  const check = new BuildCheck("serve", { ...host, build });
  check.begin();
  await pass(900);
  check.disturb();
  await pass(900);
  assert.deepEqual(builds, []);
  await pass(100);
  assert.deepEqual(builds, ["a"]);
  await pass(5_000);
  assert.deepEqual(builds, ["a"], "its build goes on");
  resolve();
  await turns();
  assert.deepEqual(builds, ["a", "b"]);
});

test("a check ends with its deployment and with the server", async (t) => {
  const pass = manualClock(t);
  const { host, builds, deploy } = scripted([spec("old")]);
  const check = new BuildCheck("serve", host);
  check.begin();
  deploy([spec("new")]);
  check.deployed(new Set(["new"]));
  await pass(1_000);
  assert.deepEqual(builds, ["new"]);
  deploy([spec("newer")]);
  check.deployed(new Set(["newer"]));
  check.close();
  await pass(1_000);
  assert.deepEqual(builds, ["new"]);
});

test("an executable that can't be executed is told of before its first call, and nothing is run", async () => {
  const settings = { engine: "process", process: PROCESS_DEFAULTS, bundle: BUNDLE } as const;
  const { host, builds, checks, told } = scripted([
    { ...spec("gone"), ...settings, file: "/no/such/program" },
    { ...spec("there"), ...settings, file: process.execPath },
  ]);
  const check = new BuildCheck("dev", host);
  check.begin();
  await eventually("it is told", () => told.length > 0);
  check.close();
  assert.deepEqual(told, [["error", "gone: Cannot start gone: there is no file /no/such/program"]]);
  assert.deepEqual([builds, checks], [[], []]);
});
