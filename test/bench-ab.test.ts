/** `pilotlight bench` as people type it: comparisons of real processes with tiny loads, stored results, misuse. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { allProcesses, MARK_VARIABLE } from "../src/lab/ab/processes.ts";
import { parseReport } from "../src/lab/results/schema.ts";
import { pilotlight, startPilotlight } from "./support/cli.ts";

const skip = process.platform !== "linux" && "it reads /proc";
const cwd = mkdtempSync(join(tmpdir(), "pilotlight-bench-ab-"));
after(() => rmSync(cwd, { recursive: true }));

/** Answers with its method and body; whatever else stands on the command line marks the process as this test's. */
writeFileSync(
  join(cwd, "server.cjs"),
  `require("node:http").createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  response.end(request.method + " " + body + " " + request.headers["x-asked"]);
}).listen(Number(process.argv[2]), "127.0.0.1");`,
);
const SERVER = `'${process.execPath}' server.cjs {port}`;
const TINY = ["--rounds", "1", "--seconds", "0.1", "--warm-up", "0", "--connections", "2"];

/** Servers of this file that still run: they were started in its folder. */
function leftOver(): number[] {
  return allProcesses().flatMap(({ pid, state }) => (state !== "Z" && isServer(pid) ? [pid] : []));
}

function isServer(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === cwd && readFileSync(`/proc/${pid}/environ`, "utf8").includes(`${MARK_VARIABLE}=`);
  } catch {
    return false;
  }
}

test("two commands are compared, the request checked, the result stored in the seed's schema with its samples", { skip }, async () => {
  writeFileSync(join(cwd, "order.json"), '{"n":1}');
  const request = ["--data", "@order.json", "-H", "x-asked: yes", "--check-body", 'POST {"n":1} yes', "--check-status", "200"];
  const ab = ["bench", "ab", "--a", SERVER, "--b", `${SERVER} # other`, "/orders", "--label-b", "new", "--seed", "5", "--json", "r.json"];
  const { status, stdout, stderr } = await pilotlight([...ab, ...request, ...TINY], { cwd });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /POST \/orders, 1 fresh processes a side/);
  for (const figure of ["CPU us/request", "requests/s", "latency p50 us", "latency p99 us", "memory (own PSS)", "boot ms"])
    assert.ok(stdout.includes(figure), figure);
  assert.match(stdout, /CPU us\/request: NO VERDICT: 1 round is too few, 6 are needed/);
  assert.match(stderr, /One round can't give a verdict, 6 are needed/);
  const [folder] = readdirSync(join(cwd, "data"));
  assert.match(folder ?? "", /^ab_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/);
  const read = parseReport(readFileSync(join(cwd, "data", folder!, "result.json"), "utf8"), "result.json");
  assert.ok(read.ok, read.ok ? "" : read.failure.message);
  const names = read.value.report.results.map(({ name }) => name);
  for (const name of ["a/cpu_per_request", "b/cpu_per_request", "a/throughput", "b/boot"]) assert.ok(names.includes(name), name);
  const { seed, noise } = read.value.report.results.find(({ name }) => name === "a/throughput")!.metadata as {
    seed: number;
    noise: unknown[];
  };
  assert.equal(seed, 5);
  assert.ok(noise.length > 5);
  const alone = parseReport(readFileSync(join(cwd, "r.json"), "utf8"), "r.json");
  assert.ok(alone.ok, alone.ok ? "" : alone.failure.message);
  assert.equal(alone.value.samples.get("b/memory_own_pss")?.length, 1);
  assert.deepEqual(leftOver(), []);
});

test("stored runs are compared and followed by name", { skip }, async () => {
  const data = join(cwd, "data");
  const folder = join("data", readdirSync(data)[0]!);
  const compared = await pilotlight(["bench", "compare", folder, folder], { cwd });
  assert.equal(compared.status, 0, compared.stderr);
  assert.match(compared.stdout, /a\/cpu_per_request +median +[\d.]+ us/);
  assert.match(compared.stdout, /warning: A is no whole run: ended after 1 round/);
  const json = await pilotlight(["bench", "compare", folder, "r.json", "--json"], { cwd });
  const { benchmarks } = JSON.parse(json.stdout) as { benchmarks: { name: string; judgement: { failure: { code: string } } }[] };
  assert.equal(benchmarks.find(({ name }) => name === "b/cpu_per_request")!.judgement.failure.code, "TOO_FEW_SAMPLES");
  const failing = await pilotlight(["bench", "compare", folder, "r.json", "--fail-on", "regressed,inconclusive"], { cwd });
  assert.equal(failing.status, 99, failing.stderr);
  const history = await pilotlight(["bench", "history", "b/boot"], { cwd });
  assert.match(history.stdout, /^ab b\/boot: .*server\.cjs \{port\} # other, POST \/orders\nTIME/);
  assert.ok(history.stdout.includes(folder));
  const unknown = await pilotlight(["bench", "history", "speed"], { cwd });
  assert.match(unknown.stderr, /holds no results called speed\. It holds ab\/a\/boot, ab\/a\/cpu_per_request/);
});

test("a command beside itself tells how noisy the machine is", { skip }, async () => {
  const { status, stdout, stderr } = await pilotlight(["bench", "ab", "--aa", "--a", SERVER, "/", "--no-save", ...TINY], { cwd });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^A\/A: too few rounds/m);
  assert.match(stdout, /^(?:unstable|unknown) /m);
});

test("a server whose answers fail under load fails the comparison, and nothing of either is left", { skip }, async () => {
  writeFileSync(
    join(cwd, "tiring.cjs"),
    `let left = 1; require("node:http").createServer((q, s) => { s.statusCode = left-- > 0 ? 200 : 500; s.end("ok"); }).listen(Number(process.argv[2]), "127.0.0.1");`,
  );
  const tiring = `'${process.execPath}' tiring.cjs {port}`;
  const { status, stdout, stderr } = await pilotlight(["bench", "ab", "--a", tiring, "--b", tiring, "/", ...TINY], { cwd });
  assert.deepEqual([status, stdout], [1, ""]);
  assert.match(stderr, /^pilotlight bench ab: [AB] failed \d+ of \d+ requests: .*500.*$/m);
  assert.deepEqual(leftOver(), []);
});

for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
  test(`after ${signal} in the middle no server is left`, { skip }, async () => {
    const args = ["bench", "ab", "--a", SERVER, "--b", SERVER, "/", "--no-save", "--rounds", "100", "--seconds", "60", "--warm-up", "0"];
    const child = startPilotlight(args, { cwd });
    while (leftOver().length === 0) await sleep(20);
    const closed = once(child, "close");
    child.kill(signal);
    const [status] = (await closed) as [number | null];
    assert.equal(status, signal === "SIGKILL" ? null : 130);
    // The guard needs a moment after SIGKILL, on a busy machine a long one.
    for (let tries = 0; leftOver().length > 0 && tries < 1_000; tries++) await sleep(20);
    assert.deepEqual(leftOver(), []);
  });
}

test("misuse names every problem in a line of its own and starts nothing", async () => {
  const cases: [string[], RegExp][] = [
    [[], /Nothing is named that could be measured/],
    [["hystory"], /There is no bench "hystory"\. Did you mean history\?/],
    [["ab", "--a", "x {port}", "--b", "x", "/"], /--b "x" does not say \{port\}/],
    [["ab", "--a", "x {port}", "/"], /--b is missing/],
    [["ab", "--a", "x {port}", "--b", "x {port}"], /No path is given/],
    [["ab", "--a", "x {port}", "--b", "x {port}", "x"], /"x" is not a path/],
    [["ab", "--a", "x {port}", "--b", "x {port}", "--aa", "/"], /Both --aa and --b are given/],
    [["ab", "--a", "x {port}", "--aa", "/", "--metric", "speed"], /--metric "speed" is not one of cpu, rps/],
    [["ab", "--a", "x {port}", "--aa", "/", "--minimum-effect", "150%"], /--minimum-effect "150%" is not a share/],
    [["ab", "--a", "x {port}", "--aa", "/", "--body", "nowhere"], /Cannot read the body: ENOENT/],
    [["ab", "--a", "x {port}", "--aa", "/", "--body", "x", "--data", "x"], /Both --body and --data/],
    [["ab", "--a", "x {port}", "--aa", "/", "--seconds", "1", "-d", "1s"], /Both --seconds and --duration/],
    [["ab", "--a", "x {port}", "--aa", "/", "-d", "soon"], /--duration "soon" is not a duration/],
    [["ab", "--a", "x {port}", "--aa", "/", "--fail-on", "worse"], /--fail-on "worse" is not of improved, regressed/],
    [["compare", "one", "two", "--fail-on", "worse"], /--fail-on "worse" is not/],
    [["ab", "--a", "x {port}", "--aa", "/", "--rounds", "0"], /--rounds "0" is not a whole number/],
    [["ab", "--a", "x {port}", "--aa", "/", "--connections", "many"], /--connections "many"/],
    [["ab", "--a", "x {port}", "--aa", "/", "-H", "x: a\x7f"], /--header "x: a.*" holds control characters/],
    [["compare", "one"], /Two results are needed/],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = await pilotlight(["bench", ...args], { cwd });
    assert.deepEqual([status, stdout, stderr.trimEnd().split("\n").length], [2, "", 1], `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, message);
  }
});

test("results that are none, or of another version, are refused by name", async () => {
  writeFileSync(
    join(cwd, "newer.json"),
    JSON.stringify({ benchmark_suite: "x", version: "9.0.0", timestamp: "2026-01-01T00:00:00Z", results: [] }),
  );
  const { status, stderr } = await pilotlight(["bench", "compare", "newer.json", "nowhere"], { cwd });
  assert.equal(status, 1);
  assert.match(stderr, /newer\.json: it is of version "9\.0\.0"/);
  assert.match(stderr, /Cannot read .*nowhere: ENOENT/);
  const history = await pilotlight(["bench", "history", "-o", "nowhere"], { cwd });
  assert.equal(history.status, 1);
  assert.equal(existsSync(join(cwd, "nowhere")), false);
});

test("what a result file holds is shown, not obeyed by the terminal", async () => {
  const name = "cpu\x1b[2J\x9b31m";
  const result = { name, category: "e2e", iterations: 1, metrics: { median_ns: 1 }, metadata: { command: "x\x1b]0;y\x07" } };
  const report = { benchmark_suite: "x", version: "0.1.0", timestamp: "2026-01-01T00:00:00Z", results: [result] };
  mkdirSync(join(cwd, "hostile"));
  writeFileSync(join(cwd, "hostile/one.json"), JSON.stringify(report));
  const compared = await pilotlight(["bench", "compare", "hostile/one.json", "hostile/one.json"], { cwd });
  const history = await pilotlight(["bench", "history", "-o", "hostile"], { cwd });
  const unknown = await pilotlight(["bench", "history", "speed", "-o", "hostile"], { cwd });
  for (const text of [compared.stdout, history.stdout, unknown.stderr]) {
    assert.match(text, /cpu\\x1b\[2J\\x9b31m/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there.
    assert.doesNotMatch(text, /[\x1b\x07\x9b]/);
  }
});

test("every bench command has a help with examples", async () => {
  for (const name of ["ab", "compare", "history"]) {
    const { status, stdout } = await pilotlight(["bench", name, "--help"], { cwd });
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`^Usage: pilotlight bench ${name} `));
  }
});
