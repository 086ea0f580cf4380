import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { EXAMPLE_PLAN } from "../../../test/support/example-result.ts";
import { makePlan } from "../load/make-plan.ts";
import type { LoadPlan } from "../load/plan.ts";
import { reproduceCommand } from "./reproduce.ts";

/** What a shell would hand to the program. */
function shellWords(command: string): string[] {
  const words = execFileSync("sh", ["-c", `set -- ${command}; for word; do printf '%s\\0' "$word"; done`], { encoding: "utf8" });
  return words.split("\0").slice(0, -1);
}

function wordAfter(words: readonly string[], flag: string): string {
  return words[words.indexOf(flag) + 1]!;
}

test("the command says what differs from the defaults, with secrets masked", () => {
  const command = reproduceCommand(EXAMPLE_PLAN, ["p99<200ms"]);
  assert.equal(
    command,
    [
      "pilotlight load 'http://127.0.0.1:8080/order?currency=EUR'",
      "--rate 1000",
      "--connections 64",
      "--duration 20s",
      "--warm-up 2s",
      "--seed 42",
      "--header 'content-type: application/json'",
      "--header 'authorization: ***'",
      "--template",
      `--data '{"id":{{sequence}},"value":100}'`,
      "--timeout 10s",
      "--check-status 200",
      "--check-body total_final",
      "--threshold 'p99<200ms'",
    ].join(" \\\n  "),
  );
});

test("what a hostile plan holds reaches the program as text and runs nothing", () => {
  const hostile = "'; echo owned; $(id) `id` \\ \"";
  const plan: LoadPlan = {
    ...EXAMPLE_PLAN,
    target: { ...EXAMPLE_PLAN.target, path: `/${hostile}` },
    headers: [["x-note", hostile]],
    body: { kind: "bytes", bytes: Buffer.from(hostile) },
    checks: { ...EXAMPLE_PLAN.checks, bodyIncludes: [hostile] },
  };
  const words = shellWords(reproduceCommand(plan, []));
  assert.equal(words[2], `http://127.0.0.1:8080/${hostile}`);
  assert.equal(wordAfter(words, "--header"), `x-note: ${hostile}`);
  assert.equal(wordAfter(words, "--data"), hostile);
  assert.equal(wordAfter(words, "--check-body"), hostile);
});

test("a body that a shell can't carry is named as a file", () => {
  for (const bytes of [Buffer.from([0, 255, 10]), Buffer.from("@x"), Buffer.from("-"), Buffer.from("\x1b[2J"), Buffer.alloc(5_000, "x")]) {
    const command = reproduceCommand({ ...EXAMPLE_PLAN, body: { kind: "bytes", bytes } }, []);
    assert.match(command, /--data @FILE/);
  }
});

test("each kind of arrivals is read back to the same plan", () => {
  const cases: LoadPlan["arrivals"][] = [
    { kind: "closed", users: 50, thinkMs: 20 },
    { kind: "constant", perSecond: 250.5 },
    { kind: "poisson", perSecond: 1_000 },
    {
      kind: "steps",
      steps: [
        { perSecond: 100, durationMs: 10_000 },
        { perSecond: 200, durationMs: 1_500 },
      ],
    },
    { kind: "ramp", fromPerSecond: 10, toPerSecond: 500 },
  ];
  for (const arrivals of cases) {
    const plan: LoadPlan = { ...EXAMPLE_PLAN, arrivals, connectionMaxCount: 50, durationMs: arrivals.kind === "steps" ? null : 20_000 };
    const words = shellWords(reproduceCommand(plan, []));
    const flags: Record<string, string> = {};
    for (const name of ["rate", "steps", "ramp", "think", "duration", "seed"]) {
      if (words.includes(`--${name}`)) flags[name] = wordAfter(words, `--${name}`);
    }
    const read = makePlan({ url: words[2]!, poisson: words.includes("--poisson"), ...flags });
    assert.ok(read.ok);
    assert.deepEqual(read.value.arrivals, arrivals);
    assert.equal(read.value.durationMs, plan.durationMs);
    assert.deepEqual(read.value.target, plan.target);
  }
});
