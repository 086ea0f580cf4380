/**
 * HTML in which nothing that came from outside is markup: whatever is put into
 * an `html` template is escaped unless it is itself the outcome of one. URLs,
 * error texts and header values are written by servers that may be hostile.
 */
import { escapeHtml } from "../../base/html.ts";

export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

export type HtmlValue = Html | string | number | null | readonly HtmlValue[];

/** null is nothing; a list is its parts one after another. */
export function html(texts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let markup = texts[0]!;
  for (const [index, value] of values.entries()) markup += render(value) + texts[index + 1]!;
  return new Html(markup);
}

function render(value: HtmlValue): string {
  if (value === null) return "";
  if (value instanceof Html) return value.markup;
  if (typeof value === "number") return String(value);
  return typeof value === "string" ? shown(value) : value.map(render).join("");
}

/** Fit for text and for quoted attributes; control characters and what turns the direction of text are made visible. */
function shown(text: string): string {
  return escapeHtml(text).replace(/[^\P{Cc}\n\r\t]|\p{Bidi_Control}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Inside a script element: no value can end it or begin a comment. */
export function jsonForScript(value: unknown): Html {
  return new Html(JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`));
}
