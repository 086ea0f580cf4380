/**
 * Asks one index for one page, or for its list: the request with its
 * validators, and what the answer means. An answer that breaks off midway is
 * asked for once more: what comes before it is retried by upstream, which has
 * done its part by then. At most so many at once of each: a client that asks
 * for ten thousand names must not become ten thousand connections.
 */

import { fail, ok, type Result } from "../../base/result.ts";
import { shownAddress } from "../../base/shown-address.ts";
import { Turns } from "../../base/turns.ts";
import type { IndexConfig } from "../../config/mirror-config.ts";
import type { ResourceCounts } from "../counters.ts";
import type { UpstreamFailure } from "../failures.ts";
import type { Upstream, UpstreamAnswer } from "../upstream/upstream.ts";
import { collectBody } from "./collect-body.ts";
import type { ContentBody } from "./content-body.ts";
import type { KeptAnswer } from "./kept-answer.ts";
import type { RoomOfPage } from "./page-room.ts";

const ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";
/** What the page thread undoes, smallest first as servers prefer it. */
const ACCEPT_ENCODING = "br, zstd, gzip";
const REQUESTS_MAX = 32;
const ATTEMPTS_MAX = 2;
const VALIDATOR_MAX_LENGTH = 512;

export interface Validators {
  readonly etag: string | null;
  readonly lastModified: string | null;
}

export type IndexAnswer =
  | ({ readonly kind: "page"; readonly body: ContentBody; readonly baseUrl: string } & Validators)
  /** 304: what is kept still holds. */
  | ({ readonly kind: "unchanged" } & Validators)
  /** 404 and 410. */
  | { readonly kind: "absent" };

export class IndexRequests {
  readonly #upstream: Upstream;
  /** Each index has its own line: one that is slow holds up no other. */
  readonly #turns = new Map<string, Turns>();

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  /** `path` is relative to the index: "numpy/", or "" for the list. `known` makes it a conditional request. */
  async ask(
    index: IndexConfig,
    path: string,
    known: KeptAnswer | null,
    maxBytes: number,
    counts: ResourceCounts,
    room: RoomOfPage | null = null,
  ): Promise<Result<IndexAnswer, UpstreamFailure>> {
    let turns = this.#turns.get(index.name);
    if (turns === undefined) {
      turns = new Turns(REQUESTS_MAX);
      this.#turns.set(index.name, turns);
    }
    return turns.run(async () => {
      for (let attempt = 1; ; attempt++) {
        room?.leave();
        const asked = await this.#ask(index, `${index.url}${path}`, known, maxBytes, counts, room);
        // Not after a time-out: whoever waits has waited for long enough.
        if (asked.ok || asked.failure.code !== "UPSTREAM_TRUNCATED" || attempt === ATTEMPTS_MAX) return asked;
      }
    });
  }

  async #ask(
    index: IndexConfig,
    url: string,
    known: KeptAnswer | null,
    maxBytes: number,
    counts: ResourceCounts,
    room: RoomOfPage | null,
  ): Promise<Result<IndexAnswer, UpstreamFailure>> {
    const headers: Record<string, string> = { accept: ACCEPT, "accept-encoding": ACCEPT_ENCODING };
    if (known?.etag != null) headers["if-none-match"] = known.etag;
    if (known?.lastModified != null) headers["if-modified-since"] = known.lastModified;
    const shown = shownAddress(url);
    counts.upstreamRequests++;
    const asked = await this.#upstream.request({ method: "GET", index: index.name, url, headers });
    if (!asked.ok) return asked;
    const answer = asked.value;
    switch (answer.status) {
      case 200:
        return this.#taken(answer, shown, maxBytes, counts, room);
      case 304:
        answer.discard();
        if (known === null) return unexpected(shown, 304);
        // What a 304 says of its validators takes the place of what was kept (RFC 9111 section 4.3.4).
        return ok({
          kind: "unchanged",
          etag: entityTag(answer) ?? known.etag,
          lastModified: lastModified(answer) ?? known.lastModified,
        } as const);
      case 404:
      case 410:
        answer.discard();
        return ok({ kind: "absent" } as const);
      default:
        answer.discard();
        return unexpected(shown, answer.status);
    }
  }

  async #taken(
    answer: UpstreamAnswer,
    url: string,
    maxBytes: number,
    counts: ResourceCounts,
    room: RoomOfPage | null,
  ): Promise<Result<IndexAnswer, UpstreamFailure>> {
    const count = (sizeBytes: number) => {
      counts.receivedBytes += sizeBytes;
    };
    const collected = await collectBody(answer, url, maxBytes, count, room);
    if (!collected.ok) return collected;
    const contentType = answer.header("content-type");
    const contentEncoding = answer.header("content-encoding");
    return ok({
      kind: "page",
      body: { ...collected.value, contentType, contentEncoding, url },
      baseUrl: answer.url,
      etag: entityTag(answer),
      lastModified: lastModified(answer),
    });
  }
}

// What can't be sent back in a header is as good as none.

function entityTag(answer: UpstreamAnswer): string | null {
  const tag = answer.header("etag");
  return tag !== null && tag.length <= VALIDATOR_MAX_LENGTH && /^(?:W\/)?"[\x21\x23-\x7e]*"$/.test(tag) ? tag : null;
}

function lastModified(answer: UpstreamAnswer): string | null {
  const date = answer.header("last-modified");
  return date !== null && date.length <= VALIDATOR_MAX_LENGTH && /^[\x20-\x7e]+$/.test(date) ? date : null;
}

function unexpected(url: string, status: number): { readonly ok: false; readonly failure: UpstreamFailure } {
  return fail({ code: "UPSTREAM_MALFORMED", url, reason: `its status is ${status}, which nothing in the request calls for` });
}
