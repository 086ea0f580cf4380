/**
 * Home page: how to use the mirror, whether it is well, and what it has saved.
 * One page without scripts from elsewhere; addresses in it are relative, so it
 * works under a prefix. Names that come from clients are escaped.
 */
import { escapeHtml } from "../../base/html.ts";
import { shownAddress } from "../../base/shown-address.ts";
import { describeBytes } from "../../base/units.ts";
import { version } from "../../base/version.ts";
import { describePolicy } from "../../config/mirror/policy-summary.ts";
import { RESOURCE_KINDS } from "../counters.ts";
import { explainFailure } from "../failures.ts";
import type { MirrorParts } from "../mirror-parts.ts";
import type { IndexHealth } from "../upstream/upstream.ts";

const PROJECTS_SHOWN_MAX = 15;

export interface HomeOptions {
  readonly startedAtMs: number;
  readonly nowMs: number;
}

export type HomeParts = Pick<MirrorParts, "counters" | "config"> & {
  readonly store: Pick<MirrorParts["store"], "totals">;
  readonly upstream: Pick<MirrorParts["upstream"], "health">;
};

export function homePage(parts: HomeParts, { startedAtMs, nowMs }: HomeOptions): string {
  const { counters, store, config } = parts;
  const { fileCount, sizeBytes, maxBytes } = store.totals;
  const kinds = RESOURCE_KINDS.map((kind) => [kind, counters.byKind[kind]] as const).filter(
    ([, { hit, revalidated, miss, stale, failed }]) => [hit, revalidated, miss, stale, failed].some((count) => count > 0),
  );
  const saved = [...counters.savings].sort(([, one], [, other]) => other.bytes - one.bytes);
  const savedBytes = saved.reduce((sum, [, { bytes }]) => sum + bytes, 0);
  const savedRequests = saved.reduce((sum, [, { requests }]) => sum + requests, 0);
  const policy = describePolicy(config);
  return page(`
<header><h1>Pilotlight mirror</h1><p>${escapeHtml(version())}, up ${describeAge(nowMs - startedAtMs)}${config.upstream.offline ? ", <b>offline</b>" : ""}</p>${policy === null ? "" : `<p>Policy: ${escapeHtml(policy)}</p>`}</header>
<section class="figures">
  ${figure(describeBytes(savedBytes), "not fetched again")}
  ${figure(String(savedRequests), "requests spared the index")}
  ${figure(describeBytes(sizeBytes), `kept in ${fileCount} ${fileCount === 1 ? "file" : "files"}${maxBytes > 0 ? `, of ${describeBytes(maxBytes)}` : ""}`)}
</section>
<h2>Use it</h2>
<pre id="pip">pip install --index-url <span class="base">http://…</span>simple/ NAME
uv pip install --default-index <span class="base">http://…</span>simple/ NAME</pre>
<h2>Indexes</h2>
${table(["Index", "Address", "State"], indexRows(parts))}
<h2>Answers</h2>
${
  kinds.length === 0
    ? "<p>Nothing was asked for yet.</p>"
    : table(
        ["What", "Hits", "Confirmed", "Fetched", "Stale", "Failed", "Sent", "Received"],
        kinds.map(([kind, counts]) => [
          kind,
          ...[counts.hit, counts.revalidated, counts.miss, counts.stale, counts.failed].map(String),
          describeBytes(counts.sentBytes),
          describeBytes(counts.receivedBytes),
        ]),
      )
}
${
  saved.length === 0
    ? ""
    : `<h2>Saved by project</h2>${table(
        ["Project", "Requests", "Bytes", ""],
        saved
          .slice(0, PROJECTS_SHOWN_MAX)
          .map(([project, { requests, bytes }]) => [
            `<a href="simple/${encodeURIComponent(project)}/">${escapeHtml(project)}</a>`,
            String(requests),
            describeBytes(bytes),
            `<button data-drop="cache/${encodeURIComponent(project)}">Ask its index again</button>`,
          ]),
      )}`
}
<p><button data-drop="cache/list">Fetch the list of projects anew</button> <output></output></p>
<footer><a href="simple/">projects</a> <a href="health">health</a> <a href="metrics">metrics</a> <a href="savings">savings</a></footer>`);
}

/** The folder's path is this machine's affair. */
function indexRows({ config, upstream }: HomeParts): string[][] {
  const folder = config.packagesDir === null ? [] : [["packages", "a folder of this mirror", "asked first, owns its names"]];
  const rows = upstream.health().map((health) => {
    const url = config.indexes.find(({ name }) => name === health.index)?.url;
    const shown = url === undefined ? "" : shownAddress(url);
    return [escapeHtml(health.index), escapeHtml(shown), config.upstream.offline ? "not asked (offline)" : stateOf(health)];
  });
  return [...folder, ...rows];
}

function stateOf({ lastFailure, requestCount }: IndexHealth): string {
  if (lastFailure !== null) return `<b class="bad">down</b>: ${escapeHtml(explainFailure(lastFailure).message)}`;
  return requestCount === 0 ? "not asked yet" : "up";
}

function page(body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><link rel="icon" href="data:,"><title>Pilotlight mirror</title><style>${STYLE}</style></head>
<body>${body}
<script>${SCRIPT}</script></body></html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d8dbe2, #363b46); --soft: light-dark(#f4f5f8, #1b1e25); --dim: light-dark(#5b6270, #9aa2b1); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 0 auto; padding: 1.5rem; background: light-dark(#fff, #12141a); color: light-dark(#1a1d24, #e6e8ee); }
header p, footer, .figures span { color: var(--dim); margin: 0; }
h1 { margin: 0; font-size: 1.6rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; margin-top: 1.5rem; }
.figures div { flex: 1 1 12rem; background: var(--soft); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; }
.figures b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; overflow-x: auto; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
th { color: var(--dim); font-weight: 500; } .bad { color: light-dark(#b3261e, #ff8a80); }
footer { margin-top: 2rem; } footer a { margin-right: 1rem; } a { color: light-dark(#0b57d0, #8ab4f8); }
button { font: inherit; font-size: .9rem; padding: .2rem .7rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--soft); color: inherit; cursor: pointer; }`;

const SCRIPT = `
for (const base of document.querySelectorAll(".base")) base.textContent = new URL(".", location.href).href;
for (const button of document.querySelectorAll("button[data-drop]")) button.onclick = async () => {
  const answer = await fetch(button.dataset.drop, { method: "DELETE" }).catch(() => null);
  document.querySelector("output").textContent = answer?.ok ? "Done: the next request asks the index." : "That failed: see the mirror's log.";
};`;

function figure(value: string, what: string): string {
  return `<div><b>${escapeHtml(value)}</b><span>${escapeHtml(what)}</span></div>`;
}

/** Cells are HTML already. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string): string => `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table><thead>${row(heads, "th")}</thead><tbody>${rows.map((cells) => row(cells, "td")).join("")}</tbody></table></div>`;
}

function describeAge(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}
