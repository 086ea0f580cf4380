import assert from "node:assert/strict";
import { test } from "node:test";
import { type ExampleOptions, exampleResult } from "../../../test/support/example-result.ts";
import type { LoadResult } from "../load/result.ts";
import { summarize } from "./summary.ts";
import { evaluateThresholds, parseThreshold } from "./thresholds.ts";

const WIDE = { color: false, width: 140 };
const example = (changes: Partial<LoadResult> = {}, options?: ExampleOptions) => ({ ...exampleResult(options), ...changes });
const invalid = (result: LoadResult, ...reasons: string[]) => ({ ...result, audit: { ...result.audit, invalidBecause: reasons } });

test("the metrics have k6's names, leaders and columns, in line with each other", () => {
  const lines = summarize(example(), [], WIDE).split("\n");
  const metrics = lines.filter((line) => /^ {5}[a-z_]+\.+: /.test(line));
  assert.deepEqual(
    metrics.map((line) => line.trim().replace(/\..*/, "")),
    [
      "data_received",
      "data_sent",
      "http_req_blocked",
      "http_req_connecting",
      "http_req_duration",
      "http_req_failed",
      "http_req_receiving",
      "http_req_sending",
      "http_req_tls_handshaking",
      "http_req_waiting",
      "http_reqs",
      "iterations",
      "vus",
      "vus_max",
    ],
  );
  assert.deepEqual(new Set(metrics.map((line) => line.indexOf(": "))), new Set([36]));
  const times = metrics.filter((line) => line.includes("avg="));
  assert.equal(times.length, 7);
  for (const column of ["avg=", "min=", "med=", "max=", "p(90)=", "p(95)=", "p(99)="]) {
    assert.equal(new Set(times.map((line) => line.indexOf(column))).size, 1, column);
    assert.ok(times.every((line) => line.includes(column)));
  }
  assert.ok(metrics.some((line) => line.endsWith("http_reqs......................: 20000 998.00/s passed")));
  assert.ok(metrics.some((line) => line.endsWith("0.20% 40 out of 20,000")));
});

test("the corrected latency stands beside the uncorrected one, and what correction changes is said", () => {
  const result = example();
  const text = summarize(result, [], WIDE);
  assert.match(text, /^ +corrected .*801ms/m);
  assert.match(text, /^ +uncorrected .*7\.77ms/m);
  assert.match(text, /the p99 would read 7\.77 ms instead of 801 ms/);
  assert.match(text, /^ +95% sure: from .*\n +to /m);
  assert.doesNotMatch(summarize(example({}, { stallMs: 0 }), [], WIDE), /would read/);
});

test("an invalid run says so before anything else, in red", () => {
  const result = invalid(example(), "the threads were busy 99% of the time", "812 of 1,000 requests a second were sent");
  const plain = summarize(result, [], WIDE).split("\n");
  assert.equal(plain[0], "INVALID: don't use these figures");
  assert.match(plain[1]!, /threads were busy 99%/);
  assert.match(plain[2]!, /812 of 1,000/);
  const coloured = summarize(result, [], { color: true, width: 140 });
  assert.ok(coloured.startsWith("\x1b[31m\x1b[1mINVALID"));
  assert.match(summarize(example(), [], WIDE), /^ {5}POST http/);
});

test("without colour not one escape sequence is printed, whatever the server wrote", () => {
  const hostile = example({ errors: { check_body: 1 }, errorExamples: { check_body: "\x1b[2J\x1b]0;owned\x07 body\r\nINVALID" } });
  const text = summarize(invalid(hostile, "x\x1b[31m"), [], WIDE);
  assert.ok(!text.includes("\x1b"));
  assert.match(text, /\\x1b\[2J/);
  assert.ok(text.split("\n").every((line) => !line.startsWith("INVALID") || line === "INVALID: don't use these figures"));
});

test("a server that fell behind is named before any figure, with its rate and what is left of the queue", () => {
  const text = summarize(
    example({ behind: { unansweredCount: 9_000, answeredPerSecond: 550 }, drainMs: 16_000, passedPerSecond: 549 }),
    [],
    WIDE,
  );
  const said = text.indexOf("The server fell behind: it answered 550 of 1,000 requests a second.");
  assert.ok(said > 0 && said < text.indexOf("corrected"));
  assert.match(
    text.replace(/\s+/g, " "),
    /9,000 of 20,000 requests were unanswered when the time was over; the last answer came 16 s later/,
  );
  assert.match(text, /http_reqs\.+: 20000 549\.00\/s passed/);
  assert.match(text, /the generator kept up, the server did not/);
  assert.doesNotMatch(summarize(example(), [], WIDE), /fell behind|did not/);
});

const CLOSED: ExampleOptions = { plan: { arrivals: { kind: "closed", users: 64, thinkMs: 0 } } };

test("a closed loop has one latency, and says that it counts stalls for less", () => {
  const text = summarize(example({}, CLOSED), [], WIDE);
  assert.doesNotMatch(text, /corrected/);
  assert.match(text.replace(/\s+/g, " "), /Closed loop: while the server stands still nobody asks it/);
});

test("a closed loop tells of answers that its rate leaves out", () => {
  const result = example({ lateCount: 64 }, CLOSED);
  const text = summarize({ ...result, audit: { ...result.audit, targetPerSecond: null } }, [], WIDE);
  assert.match(text, /the server's pace decides; 64 answers that came after the end not counted/);
});

test("the first p99 that is read is the corrected one, and k6's says that it is not", () => {
  const text = summarize(example(), [], WIDE);
  assert.ok(text.indexOf("p99") < text.indexOf("p(99)"));
  assert.match(text, /http_req_duration is uncorrected, from when a request was sent/);
});

test("a metric that is only known as a lower bound is shown as one", () => {
  const whole = example();
  const text = summarize({ ...whole, uncorrected: { ...whole.uncorrected, censoredCount: 600, knownShare: 0.97 } }, [], WIDE);
  assert.match(text, /http_req_duration\.*: avg=≥\S+ +min=\d\S+ +med=\d\S+ +max=≥\S+ +p\(90\)=\d\S+ +p\(95\)=\d\S+ +p\(99\)=≥/);
});

test("no metric has a quantile of too few answers, nor a time where nothing was timed", () => {
  const few = summarize(example({}, { seconds: 1, perSecond: 100, stallMs: 0 }), [], WIDE);
  assert.match(few, /http_req_duration.* p\(95\)=\d\S* +p\(99\)=-$/m);
  const none = example({}, { seconds: 1, failsEvery: 1 });
  const text = summarize({ ...none, phases: { ...none.phases, waiting: none.latency } }, [], WIDE);
  assert.match(text, /http_req_duration\.*: avg=- +min=- +med=- +max=- /);
});

test("bytes a second are counted until the last of them", () => {
  const text = summarize(example({ receivedBytes: 10_000_000, durationMs: 2_000, drainMs: 8_000 }), [], WIDE);
  assert.match(text, /data_received\.+: 10 MB 1 MB\/s/);
});

test("what got no answer is in the latency, which shows as a lower bound what is no more than that", () => {
  const whole = example();
  const text = summarize({ ...whole, latency: { ...whole.latency, censoredCount: 600, knownShare: 0.9694 }, failedCount: 640 }, [], WIDE);
  assert.match(text, /latency of 19,360 answers that passed every check and 600 that never came/);
  assert.match(text, /600 requests got no answer \(timed out, never sent, or cut off by the end\): above p96\.9 latency is not known/);
  assert.match(text, /^ +corrected +[\dµ.]+s +≥\S+( +[\d.]+[mµ]s){2} +[\d.]+ms +≥801ms +≥\S+ +≥\S+$/m);
  const known = summarize({ ...whole, latency: { ...whole.latency, censoredCount: 600 } }, [], WIDE).replace(/\s+/g, " ");
  assert.match(known, /how long they would have taken is estimated from those that took longer/);
  assert.match(known, /corrected [^≥]+ ≥1s /);
});

test("an interrupted run is marked as partial", () => {
  assert.match(
    summarize(example({ interrupted: true, durationMs: 4_200 }), [], WIDE),
    /Interrupted after 4\.2 s: these are partial results\.\n/,
  );
  const givenUp = summarize(example({ interrupted: true, unfinishedCount: 1_050 }), [], WIDE).replace(/\s+/g, " ");
  assert.match(givenUp, /partial results\. 1,050 requests were under way or due, and given up\./);
});

test("a CSV that holds less than the run says how much, and which", () => {
  const whole = example();
  const samples = { ...whole.samples!, startUs: whole.samples!.startUs.slice(0, 5_000) };
  assert.match(summarize({ ...whole, samples }, [], WIDE), /The CSV holds 5,000 of 20,000 requests: the first that ended\./);
  assert.doesNotMatch(summarize(whole, [], WIDE), /The CSV/);
});

test("a stall of 40 ms is named with its cause and what to do", () => {
  const text = summarize(example({ stall40ms: { share: 0.98, phase: "receiving" } }), [], WIDE).replace(/\s+/g, " ");
  assert.match(text, /98% of the requests lost about 40 ms between the first and the last byte/);
  assert.match(text, /Nagle's algorithm waiting for a delayed acknowledgement/);
  assert.match(text, /one write, and set TCP_NODELAY/);
});

test("a quantile of too few answers is left out and named", () => {
  const text = summarize(example({}, { seconds: 1, perSecond: 100, stallMs: 0 }), [], WIDE);
  assert.match(text, /p99 of 100 samples: too few \(it needs 368\)/);
  assert.match(text, /^ +corrected (?: +\S+){5} +- +- +\S+$/m);
  assert.doesNotMatch(summarize(example(), [], WIDE), /too few/);
});

test("errors come with their number, share and an example, the most frequent first", () => {
  const text = summarize(example(), [], WIDE);
  assert.match(text, /errors 40 of 20,000 requests; statuses 200: 19,960, 503: 30/);
  assert.match(text, /30 {2}0\.15% {2}status check failed {2}expected status 200, got 503.*\n.*10 {2}0\.05% {2}connection refused/);
});

test("a run without one answer is summarized too", () => {
  const text = summarize(example({ statuses: {} }, { seconds: 1, failsEvery: 1 }), [], WIDE);
  assert.match(text, /latency: none, because no answer passed its checks/);
  assert.doesNotMatch(text, /NaN|Infinity|undefined/);
});

test("each threshold is shown with what was reached", () => {
  const result = example();
  const thresholds = ["p99<200ms", "failed<1%"].map((text) => {
    const parsed = parseThreshold(text);
    assert.ok(parsed.ok);
    return parsed.value;
  });
  const text = summarize(result, evaluateThresholds(result, thresholds), WIDE);
  assert.match(text, /✗ {2}p99<200ms {2}p99 was 801 ms/);
  assert.match(text, /✓ {2}failed<1% {2}0\.2% failed/);
});

test("in a narrow terminal no line of text is wider than it", () => {
  const result = example({ errors: {}, stall40ms: { share: 0.5, phase: "waiting" } });
  const text = summarize(result, [], { color: false, width: 80 });
  // Tables are as wide as they are.
  const prose = text.slice(0, text.indexOf("latency of")) + text.slice(text.indexOf("metrics"), text.indexOf("audit"));
  for (const line of prose.split("\n")) assert.ok(line.length <= 80, line);
});
