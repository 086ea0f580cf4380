/**
 * The pages `dev` shows: for a failed call what was thrown, where in the
 * developer's own files, and the lines around it; for a path of no function
 * the routes there are. Never made in `serve`.
 */
import { escapeHtml } from "../base/html.ts";
import type { Failure } from "../base/result.ts";
import type { Exchange } from "../http/exchange.ts";

const HTML_LINE = "content-type: text/html; charset=utf-8\r\n";
const TEXT_LINE = "content-type: text/plain; charset=utf-8\r\n";
/** Names the code on every page: tells one from an answer that the function made. */
export const ERROR_CODE_HEADER = "pilotlight-error";

export interface Page {
  readonly headerLines: string;
  readonly body: string;
}

export interface ErrorPageContent {
  readonly functionId: string;
  readonly failure: Pick<Failure, "code" | "message" | "hint">;
  /** Stack in the developer's files; "" when there is none. */
  readonly stack: string;
  /** Source lines around the first frame; "" when unknown. */
  readonly excerpt: string;
}

export interface NotFoundContent {
  readonly message: string;
  readonly hint: string | null;
  readonly routes: readonly string[];
}

/** Browsers name it; scripts take anything, or JSON. */
export function wantsPage(exchange: Exchange): boolean {
  return (exchange.header("accept") ?? "").includes("text/html");
}

/** HTML for browsers, plain text for everything else. */
export function errorPage(exchange: Exchange, content: ErrorPageContent): Page {
  const { functionId, failure, stack, excerpt } = content;
  const { code, message, hint = "" } = failure;
  const codeLine = `${ERROR_CODE_HEADER}: ${code}\r\n`;
  if (!wantsPage(exchange)) {
    const parts = [`${code} in ${functionId}`, stack.includes(message) ? "" : message, stack, excerpt, hint];
    return { headerLines: TEXT_LINE + codeLine, body: `${parts.filter((part) => part !== "").join("\n\n")}\n` };
  }
  // A bundler's message carries its own excerpt below the first line.
  const [headline = "", ...rest] = message.split("\n");
  const blocks = [block(rest.join("\n")), block(excerpt), block(stack), paragraph(hint)].join("\n");
  return {
    headerLines: HTML_LINE + codeLine,
    body: html({ code, title: `${code} in ${functionId}`, headline, blocks, origin: functionId }),
  };
}

/** For a browser only: whoever else asks gets the same in the server's JSON. */
export function notFoundPage({ message, hint, routes }: NotFoundContent): Page {
  const code = "NOT_FOUND";
  const list = routes.map((route) => `<li>${linked(route)}</li>`).join("\n");
  const blocks = [paragraph(hint ?? ""), paragraph("Functions answer:"), `<ul>\n${list}\n</ul>`].join("\n");
  return {
    headerLines: `${HTML_LINE}${ERROR_CODE_HEADER}: ${code}\r\n`,
    body: html({ code, title: code, headline: message, blocks, origin: "" }),
  };
}

function linked(route: string): string {
  const text = escapeHtml(route);
  return /[:*]/.test(route) ? `<code>${text}</code>` : `<a href="${text}"><code>${text}</code></a>`;
}

function block(text: string): string {
  return text === "" ? "" : `<pre>${escapeHtml(text)}</pre>`;
}

function paragraph(text: string): string {
  return text === "" ? "" : `<p>${escapeHtml(text)}</p>`;
}

/** `blocks` is HTML already. */
function html(page: { code: string; title: string; headline: string; blocks: string; origin: string }): string {
  const origin = page.origin === "" ? "" : `${escapeHtml(page.origin)} &middot; `;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(page.title)}</title>
<style>
:root { color-scheme: light dark; --ink: light-dark(#1c1c1e, #ececf0); --paper: light-dark(#fbfaf8, #17171a); --panel: light-dark(#f0eeea, #222226); --mark: #c2410c; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 3rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.35rem; line-height: 1.35; overflow-wrap: anywhere; }
.code { color: var(--mark); font-size: .85rem; font-weight: 600; letter-spacing: .04em; }
pre { background: var(--panel); padding: 1rem; border-radius: .5rem; overflow-x: auto; font: 13px/1.6 ui-monospace, monospace; }
footer { font-size: .85rem; opacity: .7; }
</style></head><body>
<p class="code">${escapeHtml(page.code)}</p>
<h1>${escapeHtml(page.headline)}</h1>
${page.blocks}
<footer>${origin}shown by <code>pilotlight dev</code> only</footer>
</body></html>
`;
}
