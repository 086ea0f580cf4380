/**
 * The flags of `bench ab` become an AbPlan: parsed, checked and complete, with
 * all problems reported together. Reads the body's file; starts nothing.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { parseDuration } from "../base/units.ts";
import type { Flag } from "../config/flags.ts";
import { type CommandFor, parseCommand } from "../lab/ab/command-text.ts";
import { type AbPlan, METRICS, type MetricName, type Subject } from "../lab/ab/plan.ts";
import { HOST } from "../lab/ab/server.ts";
import { makePlan } from "../lab/load/make-plan.ts";
import type { LoadPlan } from "../lab/load/plan.ts";
import type { Verdict } from "../stats/verdict.ts";
import { badValue, FAIL_ON_FLAG, JUDGING, JUDGING_FLAGS, readCount, readFailOn, readJudging } from "./bench-flags.ts";
import type { Call } from "./command.ts";

const SIDES = "The two sides";
const REQUEST = "The request";
const MEASURING = "Measuring";

const DEFAULTS = { rounds: "10", seconds: "1s", "warm-up": "6s", "start-timeout": "30s", "max-time": "60s" };

export const AB_FLAGS: readonly Flag[] = [
  { name: "a", value: "CMD", group: SIDES, help: "command that starts a server; {port} is its port (PORT in its environment too)" },
  { name: "b", value: "CMD", group: SIDES, help: "the other one" },
  { name: "label-a", value: "NAME", group: SIDES, help: "what to call it", shown: "A" },
  { name: "label-b", value: "NAME", group: SIDES, help: "what to call it", shown: "B" },
  { name: "aa", group: SIDES, help: "--a against itself: how noisy is this machine?" },
  { name: "method", short: "m", value: "M", group: REQUEST, help: "method", shown: "GET, or POST with a body" },
  { name: "header", short: "H", value: "'K: V'", group: REQUEST, help: "request header", repeatable: true },
  { name: "body", value: "FILE", group: REQUEST, help: "file whose bytes are sent" },
  { name: "data", value: "D", group: REQUEST, help: "the same as load has it: text, or @FILE" },
  { name: "check-status", value: "N,…", group: REQUEST, help: "right statuses", shown: "200 to 399", repeatable: true },
  { name: "check-header", value: "'K: V'", group: REQUEST, help: "a header that a right answer has", repeatable: true },
  { name: "check-body", value: "TEXT", group: REQUEST, help: "text that a right answer's body contains", repeatable: true },
  { name: "check-match", value: "REGEX", group: REQUEST, help: "what a right answer's body matches", repeatable: true },
  { name: "connections", short: "c", value: "N", group: REQUEST, help: "users, each on a connection of its own", shown: "50" },
  { name: "timeout", value: "TIME", group: REQUEST, help: "a slower answer is a failure", shown: "30s" },
  { name: "rounds", value: "N", group: MEASURING, help: "fresh processes a side, at most", shown: DEFAULTS.rounds },
  { name: "seconds", value: "N", group: MEASURING, help: "measured load on each process, in seconds", shown: "1" },
  { name: "duration", short: "d", value: "TIME", group: MEASURING, help: "the same with a unit, as load has it" },
  {
    name: "warm-up",
    value: "TIME",
    group: MEASURING,
    help: "at most; ends when CPU per request stops falling",
    shown: DEFAULTS["warm-up"],
  },
  { name: "start-timeout", value: "TIME", group: MEASURING, help: "to the first right answer", shown: DEFAULTS["start-timeout"] },
  { name: "max-time", value: "TIME", group: MEASURING, help: "of the whole comparison", shown: DEFAULTS["max-time"] },
  { name: "metric", value: "NAME", group: JUDGING, help: `what the verdict is about: ${METRICS.join(", ")}`, shown: "cpu" },
  ...JUDGING_FLAGS,
  FAIL_ON_FLAG,
];

export interface ReadAb {
  readonly failOn: readonly Verdict[];
  readonly plan: AbPlan;
  readonly commands: { readonly a: string; readonly b: string };
}

export function readAbPlan(call: Call): Result<ReadAb, readonly Failure[]> {
  const failures: Failure[] = [];
  const need = <Value>(read: Result<Value>): Value => {
    if (!read.ok) failures.push(read.failure);
    // Read only when nothing failed.
    return (read.ok ? read.value : undefined) as Value;
  };
  const judging = readJudging(call);
  if (!judging.ok) failures.push(...judging.failure);
  const failOn = need(readFailOn(call));
  const sides = readSides(call, need);
  const plan = {
    ...sides.subjects,
    measuring: {
      load: readLoad(call, need, failures),
      measuredMs: need(readMeasured(call)),
      warmUpMaxMs: need(readTime(call, "warm-up", 0)),
      startTimeoutMs: need(readTime(call, "start-timeout", 1)),
    },
    roundMaxCount: need(readCount("rounds", call.flag("rounds") ?? DEFAULTS.rounds, 1, 1_000)),
    maxMs: need(readTime(call, "max-time", 1_000)),
    metric: need(readMetric(call.flag("metric") ?? "cpu")),
  };
  if (!judging.ok || failures.length > 0) return fail(failures);
  return ok({ failOn, plan: { ...plan, ...judging.value }, commands: sides.commands });
}

type Need = <Value>(read: Result<Value>) => Value;

function readSides({ flag }: Call, need: Need): { subjects: { a: Subject; b: Subject }; commands: { a: string; b: string } } {
  const isAa = flag("aa") !== undefined;
  const label = (name: "a" | "b"): string => flag(`label-${name}`) ?? name.toUpperCase();
  const a = flag("a");
  const b = isAa ? a : flag("b");
  const commandA = need(readCommand("a", a));
  const commandB = isAa ? commandA : need(readCommand("b", b));
  if (isAa && flag("b") !== undefined)
    need(fail({ code: "BENCH_USAGE", message: "Both --aa and --b are given", hint: "--aa compares --a with itself: leave --b out" }));
  return {
    subjects: { a: { label: label("a"), command: commandA }, b: { label: label("b"), command: commandB } },
    commands: { a: a ?? "", b: b ?? "" },
  };
}

function readCommand(name: "a" | "b", text: string | undefined): Result<CommandFor> {
  if (text === undefined) {
    const message = `--${name} is missing: a comparison has two sides`;
    return fail({ code: "BENCH_USAGE", message, hint: `Write --${name} 'node server.js {port}'` });
  }
  const parsed = parseCommand(text);
  return parsed.ok ? parsed : fail({ code: "CONFIG_BAD_VALUE", message: `--${name} ${parsed.failure}` });
}

function readLoad(call: Call, need: Need, failures: Failure[]): LoadPlan {
  const { flags, flag } = call;
  const [path = ""] = flags.positionals;
  if (!/^\/[^\s#]*$/.test(path)) failures.push(badPath(path));
  const data = need(readBody(call));
  const texts = Object.fromEntries(
    (["connections", "method", "timeout"] as const).flatMap((name) => (flag(name) === undefined ? [] : [[name, flag(name)]])),
  );
  const made = makePlan({
    // Each process gets a port of its own.
    url: `http://${HOST}:1${failures.length > 0 ? "/" : path}`,
    ...texts,
    headers: flags.values.get("header") ?? [],
    ...(data === undefined ? {} : { data }),
    ...Object.fromEntries(CHECKS.map((name) => [name, flags.values.get(name) ?? []])),
  });
  if (!made.ok) failures.push(...made.failure);
  // Read only when nothing failed.
  return (made.ok ? made.value : undefined) as LoadPlan;
}

const CHECKS = ["check-status", "check-header", "check-body", "check-match"] as const;

function badPath(path: string): Failure {
  const message = path === "" ? "No path is given" : `"${path}" is not a path`;
  return { code: "BENCH_USAGE", message, hint: "Write what is asked of both servers, beginning with a slash: /api/health" };
}

function readBody({ flag, io }: Call): Result<Uint8Array | undefined> {
  const [body, data] = [flag("body"), flag("data")];
  if (body !== undefined && data !== undefined)
    return fail({ code: "BENCH_USAGE", message: "Both --body and --data are given", hint: "Keep one of them" });
  if (data !== undefined && !data.startsWith("@")) return ok(Buffer.from(data));
  const file = body ?? data?.slice(1);
  if (file === undefined) return ok(undefined);
  try {
    return ok(readFileSync(resolve(io.cwd, file)));
  } catch (error) {
    return fail({
      code: "BENCH_USAGE",
      message: `Cannot read the body: ${(error as Error).message}`,
      hint: "Name a file: --body FILE, or --data @FILE",
    });
  }
}

function readMetric(text: string): Result<MetricName> {
  const metric = METRICS.find((name) => name === text);
  return metric === undefined ? fail(badValue("metric", text, `one of ${METRICS.join(", ")}`, "cpu")) : ok(metric);
}

function readMeasured({ flag }: Call): Result<number> {
  const [seconds, duration] = [flag("seconds"), flag("duration")];
  if (seconds !== undefined && duration !== undefined)
    return fail({ code: "BENCH_USAGE", message: "Both --seconds and --duration are given", hint: "Keep one of them" });
  if (duration !== undefined) return parsedTime("duration", duration, MEASURED_MIN_MS);
  const text = seconds ?? DEFAULTS.seconds;
  // A bare number is what the flag's name says.
  return parsedTime("seconds", /^[\d.]+$/.test(text) ? `${text}s` : text, MEASURED_MIN_MS);
}

const MEASURED_MIN_MS = 50;

type TimeFlag = "warm-up" | "start-timeout" | "max-time";

function readTime({ flag }: Call, name: TimeFlag, leastMs: number): Result<number> {
  return parsedTime(name, flag(name) ?? DEFAULTS[name], leastMs);
}

function parsedTime(name: string, text: string, leastMs: number): Result<number> {
  const parsed = parseDuration(text);
  if (!parsed.ok) return fail({ code: "CONFIG_BAD_VALUE", message: `--${name} "${text}" ${parsed.failure}` });
  return parsed.value >= leastMs ? ok(parsed.value) : fail(badValue(name, text, `at least ${leastMs} ms`, `${leastMs}ms`));
}
