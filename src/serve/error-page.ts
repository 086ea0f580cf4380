/**
 * The page `dev` shows for a failed call: what was thrown, where in the
 * developer's own files, and the lines around it. Never made in `serve`.
 */
import type { CallFailure } from "../engines/engine.ts";
import type { Exchange } from "../http/exchange.ts";

const HTML_LINE = "content-type: text/html; charset=utf-8\r\n";
const TEXT_LINE = "content-type: text/plain; charset=utf-8\r\n";

export interface ErrorPageContent {
  readonly functionId: string;
  readonly failure: CallFailure;
  /** Stack in the developer's files; "" when there is none. */
  readonly stack: string;
  /** Source lines around the first frame; "" when unknown. */
  readonly excerpt: string;
}

/** HTML for browsers, plain text for everything else. */
export function errorPage(exchange: Exchange, content: ErrorPageContent): { headerLines: string; body: string } {
  const { functionId, failure, stack, excerpt } = content;
  if (!(exchange.header("accept") ?? "").includes("text/html")) {
    const parts = [`${failure.code} in ${functionId}`, stack.includes(failure.message) ? "" : failure.message, stack, excerpt];
    return { headerLines: TEXT_LINE, body: `${parts.filter((part) => part !== "").join("\n\n")}\n` };
  }
  // A bundler's message carries its own excerpt below the first line.
  const [headline = "", ...rest] = failure.message.split("\n");
  const block = (text: string): string => (text === "" ? "" : `<pre>${escapeHtml(text)}</pre>`);
  const body = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(failure.code)} in ${escapeHtml(functionId)}</title>
<style>
:root { color-scheme: light dark; --ink: light-dark(#1c1c1e, #ececf0); --paper: light-dark(#fbfaf8, #17171a); --panel: light-dark(#f0eeea, #222226); --mark: #c2410c; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 3rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.35rem; line-height: 1.35; overflow-wrap: anywhere; }
.code { color: var(--mark); font-size: .85rem; font-weight: 600; letter-spacing: .04em; }
pre { background: var(--panel); padding: 1rem; border-radius: .5rem; overflow-x: auto; font: 13px/1.6 ui-monospace, monospace; }
footer { font-size: .85rem; opacity: .7; }
</style></head><body>
<p class="code">${escapeHtml(failure.code)}</p>
<h1>${escapeHtml(headline)}</h1>
${block(rest.join("\n"))}
${block(excerpt)}
${block(stack)}
<footer>${escapeHtml(functionId)} &middot; shown by <code>pilotlight dev</code> only</footer>
</body></html>
`;
  return { headerLines: HTML_LINE, body };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
