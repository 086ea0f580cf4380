/**
 * Fatal pages: those that the page thread died of. What it is busy with it
 * writes into memory that it shares with the event loop, so that a death is
 * laid to the page it was of, and to no other that was waiting: that page is
 * left alone for a while, whether anything was kept of it or not, and the
 * thread is started again at once for everybody else.
 */
import { RecentMap } from "../../base/recent-map.ts";
import { shownAddress } from "../../base/shown-address.ts";
import { MINUTE_MS } from "../../base/units.ts";
import type { UpstreamFailure } from "../failures.ts";
import type { PageMethod } from "./page-messages.ts";
import type { KeepRequest, PageSource } from "./page-service.ts";

export const FATAL_PAUSE_MS = MINUTE_MS;
const PAGES_MAX = 1_000;
const NUMBER_MAX = 2 ** 31 - 1;

export type PageWorkMethod = "keep" | "render" | "find" | "explain" | "whole";

/** What a question is about, where it is a page that an index sent. */
export interface PageWork {
  readonly key: string;
  readonly url: string;
}

export class FatalPages {
  /** The number of the question that the thread is busy with; 0 for none. */
  readonly mark = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #underWay = new Map<number, PageWork>();
  readonly #banned: RecentMap<string, UpstreamFailure>;
  #number = 0;
  #wasExplained = false;

  constructor(nowMs: () => number) {
    this.#banned = new RecentMap({ countMax: PAGES_MAX, ageMaxMs: FATAL_PAUSE_MS, nowMs });
  }

  begin(work: PageWork | null): number {
    this.#number = (this.#number % NUMBER_MAX) + 1;
    if (work !== null) this.#underWay.set(this.#number, work);
    return this.#number;
  }

  end(number: number): void {
    this.#underWay.delete(number);
  }

  /** The thread died. True when it is known of what, and that it won't be given it again. */
  blame(): boolean {
    const work = this.#underWay.get(Atomics.exchange(this.mark, 0, 0));
    this.#wasExplained = work !== undefined;
    if (work === undefined) return false;
    const reason = "the page thread died of it: it is too large, or too intricate, for the memory that a page may take";
    this.#banned.set(work.key, { code: "UPSTREAM_MALFORMED", url: work.url, reason });
    return true;
  }

  /** The last death was of a page that is known: whoever else was waiting may try again. */
  get wasExplained(): boolean {
    return this.#wasExplained;
  }

  failure(work: PageWork | null): UpstreamFailure | null {
    return work === null ? null : (this.#banned.peek(work.key) ?? null);
  }

  pardon(work: PageWork): void {
    this.#banned.delete(work.key);
  }
}

/** `url` is the index's. */
export function intakeOf(project: string, url: string): PageWork {
  return { key: `keep ${project} ${url}`, url };
}

export function workOf(method: PageMethod, [subject, form]: readonly unknown[]): PageWork | null {
  if (method === "keep") {
    const { project, url, body } = subject as KeepRequest;
    return { ...intakeOf(project, url), url: body.url };
  }
  if (method !== "render" && method !== "find" && method !== "explain" && method !== "whole") return null;
  const source = subject as PageSource;
  if (source.kind !== "kept") return null;
  const { project, url, contentHash } = source;
  return { key: `${method === "render" ? `render ${String(form)}` : method} ${project} ${url} ${contentHash}`, url: shownAddress(url) };
}
