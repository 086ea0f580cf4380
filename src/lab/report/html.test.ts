import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { EXAMPLE_PLAN, exampleResult } from "../../../test/support/example-result.ts";
import type { LoadResult } from "../load/result.ts";
import { toHtml } from "./html.ts";
import { pageScript } from "./page-script.ts";
import { evaluateThresholds, parseThreshold } from "./thresholds.ts";

const HOSTILE = `"><script>alert(1)</script><img src=x onerror=alert(2)>'`;

function outcomesOf(result: LoadResult, ...texts: string[]) {
  return evaluateThresholds(
    result,
    texts.map((text) => {
      const parsed = parseThreshold(text);
      assert.ok(parsed.ok);
      return parsed.value;
    }),
  );
}

function scriptsOf(page: string): string[] {
  return [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map((match) => match[1]!);
}

test("the page loads nothing and may run its own two scripts only", async () => {
  const page = await toHtml(exampleResult(), []);
  const scripts = scriptsOf(page);
  assert.equal(scripts.length, 2);
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!.replaceAll("&#39;", "'");
  assert.match(policy, /default-src 'none'/);
  for (const script of scripts) assert.ok(policy.includes(createHash("sha256").update(script).digest("base64")));
  assert.doesNotMatch(page, /<(?:link|img|script|iframe|object)[^>]*(?:href|src)="(?!data:)/);
  assert.doesNotMatch(page, /@import|url\((?!data:)/);
});

test("what a server or a URL says is text on the page, never markup", async () => {
  const target = { ...EXAMPLE_PLAN.target, path: `/${HOSTILE}` };
  const headers = [["x-note", HOSTILE]] as const;
  const result: LoadResult = {
    ...exampleResult({ plan: { target, headers, checks: { ...EXAMPLE_PLAN.checks, bodyIncludes: [HOSTILE] } } }),
    errorExamples: { check_status: HOSTILE, refused: HOSTILE },
    statuses: { [HOSTILE]: 3 },
  };
  const page = await toHtml({ ...result, audit: { ...result.audit, invalidBecause: [HOSTILE] } }, outcomesOf(result, "p99<1ms"));
  assert.equal(page.match(/<script/g)!.length - scriptsOf(page).join("").split("<script").length + 1, 3);
  assert.ok(!page.includes("<img"));
  assert.ok(page.includes("&lt;img src=x onerror=alert(2)&gt;"));
});

test("an invalid run is announced in the title and on the page, and its figures are struck out", async () => {
  const result = exampleResult();
  const page = await toHtml({ ...result, audit: { ...result.audit, invalidBecause: ["the threads were busy 99% of the time"] } }, []);
  assert.match(page, /<title>INVALID · /);
  assert.match(page, /banner bad loud[\s\S]*INVALID: don&#39;t use these figures[\s\S]*busy 99%/);
  assert.match(page, /class="figures invalid"/);
  assert.doesNotMatch(await toHtml(result, []), /INVALID|class="figures invalid"/);
});

test("the page says what is seen, with thresholds, errors, interruption and the stall", async () => {
  const result = { ...exampleResult(), interrupted: true, stall40ms: { share: 0.98, phase: "receiving" } as const };
  const page = await toHtml(result, outcomesOf(result, "p99<200ms", "median<5ms"));
  assert.match(page, /99% of the answers came within 801\u00a0ms/);
  assert.match(page, /1 of 2 thresholds missed/);
  assert.match(page, /40 of 20,000 requests failed/);
  assert.match(page, /partial results/);
  assert.match(page, /Nagle/);
  assert.match(page, /--threshold &#39;p99&lt;200ms&#39;/);
  assert.match(page, /the p99 would read 7\.77 ms instead of 801 ms/);
});

test("the slowest second is the slowest of all, also of those after the end; what is flat has no slowest", async () => {
  const result = exampleResult({ stallMs: 0 });
  const point = { second: 20, targetCount: 0, completedCount: 900, failedCount: 0, latencyCount: 900, medianUs: 1e6, p99Us: 2e6 };
  const drained = { ...result, drainMs: 900, perSecond: [...result.perSecond, point] };
  assert.match(await toHtml(drained, []), /slowest second, from 20\ss \(after the end\), had a p99 of 2\u00a0s/);
  const flat = { ...result, perSecond: result.perSecond.map((each) => ({ ...each, completedCount: 1_000, failedCount: 0, p99Us: 4_000 })) };
  const page = await toHtml(flat, []);
  assert.match(page, /Steady: a p99 of 4\u00a0ms in every second/);
  assert.match(page, /Steady: 1,000 answers in every second/);
});

test("a connection that was open before anything was due is in no request's time", async () => {
  const result = exampleResult({ stallMs: 0 });
  const { phases } = result;
  const connecting = { ...phases.connecting, meanUs: 9_000 };
  const ahead = { count: 64, connectingUs: 9_000 * connecting.count, tlsUs: 0 };
  const page = await toHtml({ ...result, phases: { ...phases, connecting }, openedAhead: ahead }, []);
  assert.match(page, /9\d% of a request's time is spent waiting/);
  assert.match(page, /64 connections were opened before a request needed them/);
  const anew = { ...result, phases: { ...phases, connecting }, openedAhead: { count: 0, connectingUs: 0, tlsUs: 0 } };
  assert.match(await toHtml(anew, []), /% of a request's time is spent connecting/);
});

test("nearly all of a request's time is not all of it", async () => {
  const result = exampleResult({ stallMs: 0 });
  const phases = {
    ...result.phases,
    waiting: { ...result.phases.waiting, meanUs: 9_000 },
    receiving: { ...result.phases.receiving, meanUs: 0 },
  };
  assert.match(await toHtml({ ...result, phases }, []), /99\.9% of a request's time is spent waiting/);
});

test("a server that fell behind is announced beside a generator that kept up", async () => {
  const result = { ...exampleResult(), behind: { unansweredCount: 9_000, answeredPerSecond: 550 }, drainMs: 900 };
  const page = await toHtml(result, []);
  assert.match(page, /banner warn[\s\S]*The server fell behind: it answered 550 of 1,000 requests a second/);
  assert.match(page, /<title>! /);
  assert.doesNotMatch(page, /banner good/);
});

test("what is only known as a lower bound is shown as one, and heads no section as a value", async () => {
  const whole = exampleResult();
  const page = await toHtml({ ...whole, latency: { ...whole.latency, censoredCount: 1_000, knownShare: 0.95 } }, []);
  assert.match(page, /≥801 <small>ms/);
  assert.match(page, /<td>p95<\/td><td class="number">\d[\s\S]*<td>p99<\/td><td class="number">≥801 ms<\/td>/);
  assert.match(page, /<td>slowest<\/td><td class="number">≥/);
  assert.match(page, /<h2>Half of the answers came within/);
  assert.match(page, /above p95 latency is not known/);
  assert.doesNotMatch(page, /99% of the answers came within/);
});

test("a closed loop has one column of latency", async () => {
  const plan = { arrivals: { kind: "closed", users: 50, thinkMs: 0 } } as const;
  const page = (await toHtml(exampleResult({ plan }), []))
    .replace(/<script>[\s\S]*?<\/script>/g, "")
    .replace(/<style>[\s\S]*?<\/style>/, "");
  assert.doesNotMatch(page, />Corrected|>Uncorrected|uncorrected [\d.]+ /);
  assert.match(page, /Closed loop: while the server stands still nobody asks it/);
});

test("seconds with too few answers for a p99 are headed by their median", async () => {
  assert.match(await toHtml(exampleResult({ stallMs: 0 }), []), /slowest second, from \d+\ss, had a p99 of/);
  const sparse = await toHtml(exampleResult({ perSecond: 100, stallMs: 0 }), []);
  assert.match(sparse, /(?:slowest second, from \d+\ss, had|Steady:) a median of/);
  assert.match(sparse, /fewer than 368 answers is little but the slowest/);
});

test("no secret of the plan gets onto the page", async () => {
  assert.doesNotMatch(await toHtml(exampleResult(), []), /correct-horse/);
});

test("a run without one answer, and one too short for a p99, make a page too", async () => {
  for (const result of [exampleResult({ seconds: 1, failsEvery: 1 }), exampleResult({ seconds: 1, perSecond: 20, stallMs: 0 })]) {
    const page = await toHtml({ ...result, perSecond: result.perSecond.slice(0, 0) }, []);
    assert.doesNotMatch(page.replace(/<script>[\s\S]*?<\/script>/g, ""), /NaN|Infinity|undefined/);
    assert.match(page, /No latency: no answer passed|too few/);
  }
});

test("the page's script stands on its own and draws four plots from the numbers on the page", async () => {
  const page = await toHtml(exampleResult(), []);
  const data = /id="plot-data">([\s\S]*?)<\/script>/.exec(page)![1]!;
  const drawn: { series: { label: string }[]; columns: number[][] }[] = [];
  class FakePlot {
    static readonly paths = { stepped: () => ({}), bars: () => ({}) };
    constructor(options: { series: { label: string }[] }, columns: number[][]) {
      drawn.push({ series: options.series, columns });
    }
    setSize() {}
    redraw() {}
  }
  class FakeObserver {
    observe() {}
  }
  const window = {
    document: { getElementById: (id: string) => ({ clientWidth: 600, textContent: id === "plot-data" ? data : "" }), documentElement: {} },
    getComputedStyle: () => ({ getPropertyValue: () => "" }),
    matchMedia: () => ({ addEventListener() {} }),
    ResizeObserver: FakeObserver,
    devicePixelRatio: 1,
  };
  runInNewContext(pageScript(), { window, uPlot: FakePlot });
  assert.equal(drawn.length, 4);
  for (const { series, columns } of drawn) {
    assert.equal(series.length, columns.length);
    assert.ok(columns.every((column) => column.length === columns[0]!.length));
  }
  assert.equal(drawn[2]!.series.map(({ label }) => label).join(), "Second,Passed,Failed,Target");
});
