/**
 * The result of a load run as one HTML file that needs nothing else: uPlot's
 * code and style, the plots' numbers and our own style are inside, and its
 * Content-Security-Policy lets it load nothing and run these two scripts only,
 * should an escape ever be missing.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { LoadResult } from "../load/result.ts";
import { isOpenLoop } from "./findings.ts";
import { formatCount, spacedUs } from "./format.ts";
import { type Machine, thisMachine } from "./machine.ts";
import { Html, html, jsonForScript } from "./markup.ts";
import { pageData } from "./page-data.ts";
import { pageScript } from "./page-script.ts";
import { timeSection } from "./page-seconds.ts";
import {
  auditSection,
  banners,
  errorSection,
  histogramSection,
  keyFigures,
  latencySection,
  phaseSection,
  thresholdSection,
} from "./page-sections.ts";
import { PAGE_STYLE } from "./page-style.ts";
import { arrivalsText, planData, planUrl, settingsText } from "./plan-text.ts";
import { reproduceCommand } from "./reproduce.ts";
import type { ThresholdOutcome } from "./thresholds.ts";

const ICON = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#1259a8"/><path d="M16 5c5 6 7 9 7 13a7 7 0 0 1-14 0c0-2 1-4 3-6 0 3 1 4 2 5 2-3 3-7 2-12z" fill="#ffc857"/></svg>')}`;

export async function toHtml(result: LoadResult, outcomes: readonly ThresholdOutcome[]): Promise<string> {
  const plotter = await plotterSource();
  const scripts = [plotter.script, pageScript()];
  const policy = [
    "default-src 'none'",
    `script-src ${scripts.map((script) => `'sha256-${createHash("sha256").update(script).digest("base64")}'`).join(" ")}`,
    // Style attributes carry the widths of bars; a style can't run anything.
    "style-src 'unsafe-inline'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const { plan } = result;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${titleText(result, outcomes)}</title>
<link rel="icon" href="${ICON}">
<style>${trusted(plotter.style)}${trusted(PAGE_STYLE)}</style>
</head>
<body>
<main>
<header>
<p class="kicker">Pilotlight load report · ${startText(result)}</p>
<h1><span class="method">${plan.method}</span> ${planUrl(plan.target)}</h1>
<p class="lead">${capitalized(arrivalsText(plan.arrivals))}. ${formatCount(result.requestCount)} requests in ${spacedUs(result.durationMs * 1_000)}.</p>
</header>
${banners(result, outcomes)}
${keyFigures(result)}
<noscript><p class="note">The plots need JavaScript; the tables hold the same figures.</p></noscript>
${latencySection(result)}
${timeSection(result)}
<div class="pair">${histogramSection(result)}${phaseSection(result)}</div>
${errorSection(result)}
${thresholdSection(outcomes)}
${auditSection(result)}
${reproduceSection(
  result,
  outcomes.map(({ threshold }) => threshold.text),
  thisMachine(),
)}
<footer>${isOpenLoop(result) ? "Latency counts from the moment a request was due, so that a server that stalls can't hide it by not being asked. " : ""}One file, no network: keep it, attach it, send it.</footer>
</main>
<script type="application/json" id="plot-data">${jsonForScript(pageData(result))}</script>
<script>${trusted(scripts[0]!)}</script>
<script>${trusted(scripts[1]!)}</script>
</body>
</html>
`;
  return page.markup;
}

/** Our own code and style alone, never text of a result. */
function trusted(source: string): Html {
  return new Html(source);
}

async function plotterSource(): Promise<{ readonly script: string; readonly style: string }> {
  const { resolve } = createRequire(import.meta.filename);
  const [script, style] = await Promise.all([
    readFile(resolve("uplot/dist/uPlot.iife.min.js"), "utf8"),
    readFile(resolve("uplot/dist/uPlot.min.css"), "utf8"),
  ]);
  return { script, style };
}

/** The verdict first: it is what is seen of a tab among many. */
function titleText({ plan, audit, interrupted, behind }: LoadResult, outcomes: readonly ThresholdOutcome[]): string {
  const missed = outcomes.some(({ passed }) => !passed);
  const mark = audit.invalidBecause.length > 0 ? "INVALID · " : missed ? "✕ " : interrupted ? "Partial · " : behind !== null ? "! " : "✓ ";
  return `${mark}${plan.method} ${planUrl(plan.target)} · load report`;
}

function startText({ startedAt }: LoadResult): string {
  return `${startedAt.slice(0, 16).replace("T", " ")} UTC`;
}

function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function reproduceSection({ plan }: LoadResult, thresholds: readonly string[], machine: Machine): Html {
  const gib = Math.round(machine.memoryBytes / 1024 ** 3);
  const { operatingSystem, kernel, cpuModel, cpuCount, node } = machine;
  return html`<section>
    <h2>How to run it again</h2>
    <p class="says">${capitalized(settingsText(plan))}. Load came from: ${cpuModel}, ${cpuCount} cores, ${gib} GiB, ${operatingSystem} ${kernel}, Node ${node}.</p>
    <pre class="command">${reproduceCommand(plan, thresholds)}</pre>
    <details><summary>The plan as JSON</summary><pre>${JSON.stringify(planData(plan), null, 2)}</pre></details>
  </section>`;
}
