/**
 * Page intake: asks one index for a project's page and has the answer kept,
 * page or none, by the page thread and in memory. Decides nothing: who is
 * asked, and when, is the walk's affair (project-pages.ts).
 */
import { fail, ok, type Result } from "../../base/result.ts";
import type { IndexConfig, UpstreamConfig } from "../../config/mirror-config.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import type { ResourceCounts } from "../counters.ts";
import type { UpstreamFailure } from "../failures.ts";
import type { IndexAnswer, IndexRequests } from "./ask-index.ts";
import type { KeptAnswer } from "./kept-answer.ts";
import type { Answers } from "./kept-answers.ts";
import type { PageClient } from "./page-client.ts";
import { PageRoom } from "./page-room.ts";

export interface PageIntakeParts {
  readonly upstream: UpstreamConfig;
  readonly pages: PageClient;
  readonly requests: IndexRequests;
  readonly counts: ResourceCounts;
  readonly nowMs: () => number;
  /** What was made of the page so far is of no use any more. */
  readonly onChanged: (project: string) => void;
  /** A page came that was not known so. */
  readonly onFetched: (project: string) => void;
}

export interface Taken {
  readonly answer: KeptAnswer;
  /** False when the index confirmed what was known. */
  readonly isNew: boolean;
}

export class PageIntake {
  readonly #parts: PageIntakeParts;
  readonly #room = new PageRoom();

  constructor(parts: PageIntakeParts) {
    this.#parts = parts;
  }

  /** `known` is what the index may confirm; null fetches anew. */
  async take(
    project: string,
    index: IndexConfig,
    known: KeptAnswer | null,
    answers: Answers,
  ): Promise<Result<Taken, UpstreamFailure | StoreFault>> {
    const before = answers.get(index.url);
    let taken = await this.#fetch(project, index, known);
    // Lost with the thread that had it, which died of another: what was sent is gone, too.
    if (!taken.ok && taken.failure.code === "STORAGE_FAILED" && this.#parts.pages.diedOfAnother)
      taken = await this.#fetch(project, index, known);
    if (!taken.ok) return taken;
    const { answer } = taken.value;
    // A project has one page: the database lets go of what another index said of it.
    if (answer.isPage) for (const [url, other] of answers) if (other.isPage) answers.delete(url);
    answers.set(index.url, answer);
    if (before?.contentHash !== answer.contentHash) {
      this.#parts.onChanged(project);
      if (answer.isPage) this.#parts.onFetched(project);
    }
    return taken;
  }

  async #fetch(project: string, index: IndexConfig, known: KeptAnswer | null): Promise<Result<Taken, UpstreamFailure | StoreFault>> {
    const { requests, upstream, counts, pages } = this.#parts;
    const fatal = pages.fatal(project, index.url);
    if (fatal !== null) return fail(fatal);
    const room = this.#room.enter();
    try {
      const asked = await requests.ask(index, `${encodeURIComponent(project)}/`, known, upstream.pageMaxBytes, counts, room);
      return asked.ok ? await this.#keep(project, index, known, asked.value) : asked;
    } finally {
      room.leave();
    }
  }

  async #keep(
    project: string,
    { url, name }: IndexConfig,
    known: KeptAnswer | null,
    asked: IndexAnswer,
  ): Promise<Result<Taken, UpstreamFailure | StoreFault>> {
    const { pages } = this.#parts;
    const nowMs = this.#parts.nowMs();
    switch (asked.kind) {
      case "page": {
        const { body, baseUrl, etag, lastModified } = asked;
        const request = { project, url, index: name, body, baseUrl, etag, lastModified, nowMs };
        const kept = await pages.transfer("keep", body.blocks, request);
        if (!kept.ok) return kept;
        return kept.value.ok ? ok({ answer: kept.value.value, isNew: true }) : kept.value;
      }
      case "unchanged": {
        const { etag, lastModified } = asked;
        const answer: KeptAnswer = { ...known!, index: name, checkedAtMs: nowMs, isForgotten: false, etag, lastModified };
        // Whether the database takes it changes nothing now; a fault is in the log.
        void pages.call("confirm", project, answer);
        return ok({ answer, isNew: false });
      }
      case "absent": {
        const answer: KeptAnswer = {
          url,
          index: name,
          isPage: false,
          checkedAtMs: nowMs,
          isForgotten: false,
          etag: null,
          lastModified: null,
          contentHash: "",
        };
        void pages.call("putAbsent", project, answer);
        return ok({ answer, isNew: false });
      }
    }
  }
}
