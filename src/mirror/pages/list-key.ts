/**
 * List key: what tells one rendered list from another, for the event loop, which
 * looks for it, and the process that makes it. Apart from the job, so that a
 * mirror starts without the parsers. Pure.
 */
import type { PageBody } from "../simple/format.ts";
import { contentHashOf } from "./kept-answer.ts";
import type { PageCoding } from "./pages.ts";

/** Names everything that a list is made of. */
export function listKey(sources: readonly { url: string; contentHash: string }[], ownNames: readonly string[]): string {
  const parts = sources.map(({ url, contentHash }) => `${url} ${contentHash}`);
  return contentHashOf([...parts, ...ownNames].join("\n"));
}

/** Which row of the forms' table. */
export function listSlot(body: PageBody, coding: PageCoding): string {
  return `${body} ${coding}`;
}
