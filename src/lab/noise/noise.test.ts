import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCpuTimes, watchActivity } from "./activity.ts";
import { type NoiseFacts, parseQuota } from "./facts.ts";
import { noiseNotes, type Placement } from "./notes.ts";

const QUIET: NoiseFacts = {
  coreCount: 4,
  governor: "performance",
  isTurboOn: false,
  isSmtOn: false,
  isVirtual: false,
  clockSource: "tsc",
  cpuQuota: Number.POSITIVE_INFINITY,
  loadAverage: 0.1,
};

const APART: Placement = { unpinnedBecause: null, sharesCore: false };

function states(facts: Partial<NoiseFacts>, placement: Placement = APART): Record<string, string> {
  return Object.fromEntries(noiseNotes({ ...QUIET, ...facts }, null, placement).map(({ name, state }) => [name, state]));
}

test("a quiet machine has nothing unstable", () => {
  assert.deepEqual(new Set(Object.values(states({}))), new Set(["steady"]));
});

test("what the machine doesn't tell is unknown, not steady", () => {
  const found = states({ governor: null, isTurboOn: null, isSmtOn: null, isVirtual: null, clockSource: null, cpuQuota: null });
  for (const name of ["governor", "turbo", "smt", "virtual", "clock", "cgroup"]) assert.equal(found[name], "unknown", name);
});

test("each source of noise is named by itself", () => {
  const noisy: [Partial<NoiseFacts>, string][] = [
    [{ governor: "powersave" }, "governor"],
    [{ isTurboOn: true }, "turbo"],
    [{ isSmtOn: true }, "smt"],
    [{ isVirtual: true }, "virtual"],
    [{ clockSource: "hpet" }, "clock"],
    [{ cpuQuota: 1.5 }, "cgroup"],
    [{ loadAverage: 2 }, "load"],
  ];
  for (const [facts, name] of noisy) {
    const unstable = Object.entries(states(facts)).flatMap(([one, state]) => (state === "unstable" ? [one] : []));
    assert.deepEqual(unstable, [name]);
  }
  assert.equal(states({}, { ...APART, unpinnedBecause: "taskset is not installed" })["cores"], "unstable");
});

test("server and load on the two hyper-threads of a core are not each on one of their own", () => {
  const cores = noiseNotes(QUIET, null, { ...APART, sharesCore: true }).find(({ name }) => name === "cores")!;
  assert.equal(cores.state, "unstable");
  assert.match(cores.text, /server and load share a core/);
});

test("stolen time and busy neighbours during the run are named with their share", () => {
  const activity = {
    durationMs: 10_000,
    stealShare: 0.031,
    throttledMs: 120,
    otherCores: 0.7,
    others: [{ pid: 7, name: "backup", coreShare: 0.4 }],
  };
  const notes = noiseNotes(QUIET, activity, APART);
  const text = (name: string): string | undefined => notes.find((one) => one.name === name && one.state === "unstable")?.text;
  assert.match(text("steal") ?? "", /3\.1% of the time/);
  assert.match(text("throttled") ?? "", /120 ms/);
  assert.match(text("strangers") ?? "", /wasn't ours took 70\.0% of a core/);
  assert.match(text("others") ?? "", /backup \(7\) with 40\.0% of a core/);
});

test("a neighbour's time counts from the first look to the last, and a process born between is not listed", () => {
  let looks = 0;
  const list = () => {
    looks++;
    const neighbour = { pid: 999_001, name: "neighbour", cpuMs: looks === 1 ? 50_000 : 50_500 };
    return looks === 1 ? [neighbour] : [neighbour, { pid: 999_002, name: "born", cpuMs: 900 }];
  };
  const { others } = watchActivity({ list, ownCpuMs: () => 0, cpuTimes: () => "" })();
  assert.deepEqual(
    others.map(({ name }) => name),
    ["neighbour"],
  );
  assert.ok(others[0]!.coreShare > 0);
});

test("steal is the eighth figure of the kernel's first line", () => {
  assert.deepEqual(parseCpuTimes("cpu  10 0 20 60 5 0 3 2 0 0\ncpu0 1 1 1 1 1 1 1 1\n"), { total: 100, busy: 33, steal: 2 });
  assert.equal(parseCpuTimes("intr 5\n"), null);
});

test("a control group's limit is read as CPUs", () => {
  assert.equal(parseQuota("150000 100000\n"), 1.5);
  assert.equal(parseQuota("max 100000\n"), Number.POSITIVE_INFINITY);
  assert.equal(parseQuota(null), null);
});

test("a build whose processes all come and go is seen in the cores' busy time, and our own work is not", () => {
  const lines = ["cpu  1000 0 0 5000 0 0 0 0\n", "cpu  1000000 0 0 5000 0 0 0 0\n"];
  const own = [0, 9_990_000];
  const sources = { list: () => [], ownCpuMs: () => own.shift()!, cpuTimes: () => lines.shift()! };
  assert.equal(watchActivity(sources)().otherCores, 0);
  const busy = ["cpu  1000 0 0 5000 0 0 0 0\n", "cpu  1000000 0 0 5000 0 0 0 0\n"];
  const { otherCores, durationMs } = watchActivity({ list: () => [], ownCpuMs: () => 0, cpuTimes: () => busy.shift()! })();
  assert.equal(otherCores, 9_990_000 / durationMs);
});
