/**
 * List pages: the list of all projects, merged from all indexes, so that no
 * name of any is missing. An index without a list (many private ones) adds
 * none; one that fails and was never heard makes the whole fail, because a
 * list that lacks half the names says that they don't exist.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { shownAddress } from "../../base/shown-address.ts";
import type { IndexConfig, MirrorConfig } from "../../config/mirror-config.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import type { ResourceCounts } from "../counters.ts";
import { explainFailure, type MirrorFailure, type UpstreamFailure } from "../failures.ts";
import type { MirrorLog } from "../log.ts";
import type { Packages } from "../packages/packages.ts";
import type { PageBody } from "../simple/format.ts";
import type { IndexRequests } from "./ask-index.ts";
import type { CodedBytes } from "./coded-bytes.ts";
import type { FailingPages } from "./failing-pages.ts";
import { mayServeStale, plan, remainingMs, rulesOf } from "./freshness.ts";
import { type KeptAnswer, LIST } from "./kept-answer.ts";
import type { Answers, KeptAnswers } from "./kept-answers.ts";
import type { ListSource } from "./list-job.ts";
import type { ListJobs } from "./list-jobs.ts";
import { listKey, listSlot } from "./list-key.ts";
import type { PageClient } from "./page-client.ts";
import type { CacheOutcome, PageCoding } from "./pages.ts";

export interface ListPagesParts {
  readonly config: MirrorConfig;
  readonly file: string;
  readonly packages: Packages | null;
  readonly answers: KeptAnswers;
  readonly pages: PageClient;
  readonly jobs: ListJobs;
  readonly requests: IndexRequests;
  readonly failing: FailingPages;
  readonly counts: ResourceCounts;
  readonly log: MirrorLog;
  readonly nowMs: () => number;
  onFault(fault: StoreFault): void;
}

export interface ResolvedList {
  /** Names the content. */
  readonly identity: string;
  readonly outcome: CacheOutcome;
  readonly freshForMs: number;
  /** What the list is made of. */
  readonly sources: readonly ListSource[];
  /** Made along the way, in the form that was asked for first. */
  readonly made: { readonly slot: string; readonly form: CodedBytes } | null;
}

/** What the indexes said, before anything is made of it. */
interface Heard {
  readonly sources: ListSource[];
  outcome: CacheOutcome;
  freshForMs: number;
}

const RANK: readonly CacheOutcome[] = ["hit", "revalidated", "miss", "stale"];

export class ListPages {
  readonly #parts: ListPagesParts;

  constructor(parts: ListPagesParts) {
    this.#parts = parts;
  }

  /** Asks the indexes that are due. What they send is made into the form that is wanted, since its thread has it at hand. */
  async resolve(body: PageBody, coding: PageCoding): Promise<Result<ResolvedList, MirrorFailure>> {
    const answers = await this.#parts.answers.of(LIST);
    if (!answers.ok) return answers;
    const heard = await this.#hear(answers.value);
    if (!heard.ok) return heard;
    const { sources, outcome, freshForMs } = heard.value;
    if (sources.some(({ sent }) => sent !== null)) return this.#made(heard.value, answers.value, body, coding);
    return ok({ identity: this.#key(sources), outcome, freshForMs, sources, made: null });
  }

  /** Null when the database no longer has what the list is made of. */
  async form(list: ResolvedList, body: PageBody, coding: PageCoding): Promise<Result<CodedBytes | null, MirrorFailure>> {
    const slot = listSlot(body, coding);
    if (list.made?.slot === slot) return ok(list.made.form);
    const kept = await this.#parts.pages.call("listForm", slot, list.identity);
    // A thread that is lost is no loss here: the list's own process can make it.
    if (kept.ok && kept.value !== null) return kept;
    if (!kept.ok && kept.failure.code === "STOPPING") return kept;
    const reply = await this.#run(list.sources, body, coding);
    if (!reply.ok) return reply;
    // Another key: the folder's names have changed meanwhile.
    return ok(reply.value.key === list.identity ? reply.value.form : null);
  }

  async forget(): Promise<Result<boolean, MirrorFailure>> {
    const answers = await this.#parts.answers.of(LIST);
    if (!answers.ok) return answers;
    for (const [url, answer] of answers.value) {
      answers.value.set(url, { ...answer, isForgotten: true });
      this.#parts.failing.answered(url, LIST);
    }
    const forgotten = await this.#parts.pages.call("forget", LIST);
    return forgotten.ok ? ok(answers.value.size > 0) : forgotten;
  }

  async #hear(answers: Answers): Promise<Result<Heard, MirrorFailure>> {
    const { config } = this.#parts;
    if (config.upstream.offline) return this.#offline(answers);
    const heard: Heard = { sources: [], outcome: "hit", freshForMs: Number.POSITIVE_INFINITY };
    for (const index of config.indexes) {
      const failure = await this.#hearOne(index, answers, heard);
      if (failure !== null) return fail(failure);
    }
    const hasNames = heard.sources.length > 0 || this.#ownNames().length > 0;
    const last = config.indexes.at(-1);
    if (hasNames || last === undefined) return ok(heard);
    return fail({ code: "UPSTREAM_MALFORMED", url: shownAddress(last.url), reason: "it has no list of projects (404)" });
  }

  /** Adds what the index lists; a failure when that can't be known. */
  async #hearOne(index: IndexConfig, answers: Answers, heard: Heard): Promise<MirrorFailure | null> {
    const { upstream } = this.#parts.config;
    const rules = rulesOf(index, upstream);
    let answer = answers.get(index.url) ?? null;
    let sent: ListSource["sent"] = null;
    const step = plan(answer, rules, this.#parts.nowMs());
    if (step.do === "fetch" || step.do === "revalidate") {
      const canWait = answer !== null && mayServeStale(answer, rules, this.#parts.nowMs());
      const recent = canWait ? this.#parts.failing.recent(index.url, LIST) : null;
      const asked = recent === null ? await this.#ask(index, step.do === "revalidate" ? answer : null) : fail(recent);
      if (!asked.ok) {
        if (!canWait) return asked.failure;
        note(heard, "stale", 0);
      } else {
        sent = asked.value.sent;
        if (asked.value.answer !== null) {
          answer = asked.value.answer;
          answers.set(index.url, answer);
        }
        if (sent === null) note(heard, "revalidated", remainingMs(answer!, rules, this.#parts.nowMs()));
        else note(heard, "miss", index.ttlMs);
      }
    } else {
      note(heard, "hit", step.freshForMs);
    }
    const contentHash = answer?.isPage === true ? answer.contentHash : null;
    if (contentHash !== null || sent !== null) heard.sources.push({ url: index.url, index: index.name, contentHash, sent });
    return null;
  }

  async #ask(
    index: IndexConfig,
    known: KeptAnswer | null,
  ): Promise<Result<{ readonly answer: KeptAnswer | null; readonly sent: ListSource["sent"] }, UpstreamFailure>> {
    const { requests, config, counts, failing, pages, nowMs } = this.#parts;
    const asked = await requests.ask(index, "", known, config.upstream.listMaxBytes, counts);
    if (!asked.ok) {
      this.#noteFailure(index, asked.failure);
      return asked;
    }
    failing.answered(index.url, LIST);
    if (asked.value.kind === "page") return ok({ answer: null, sent: asked.value });
    const checked = { url: index.url, index: index.name, checkedAtMs: nowMs(), isForgotten: false };
    if (asked.value.kind === "unchanged") {
      const { etag, lastModified } = asked.value;
      const answer: KeptAnswer = { ...known!, ...checked, etag, lastModified };
      void pages.call("confirm", LIST, answer);
      return ok({ answer, sent: null });
    }
    const answer: KeptAnswer = { ...checked, isPage: false, etag: null, lastModified: null, contentHash: "" };
    void pages.call("putAbsent", LIST, answer);
    return ok({ answer, sent: null });
  }

  /** Asks nobody; any age will do. A mirror that was given no index serves what it was brought. */
  #offline(answers: Answers): Result<Heard, MirrorFailure> {
    const { indexes } = this.#parts.config;
    const kept = indexes.length === 0 ? [...answers.values()] : indexes.flatMap(({ url }) => answers.get(url) ?? []);
    const sources = kept.filter(({ isPage }) => isPage).map(({ url, index, contentHash }) => ({ url, index, contentHash, sent: null }));
    if (sources.length === 0 && this.#ownNames().length === 0) return fail({ code: "OFFLINE", what: "the list of projects" });
    return ok({ sources, outcome: sources.length === 0 ? "hit" : "stale", freshForMs: 0 });
  }

  async #made(heard: Heard, answers: Answers, body: PageBody, coding: PageCoding): Promise<Result<ResolvedList, MirrorFailure>> {
    const reply = await this.#run(heard.sources, body, coding);
    if (!reply.ok) return reply;
    for (const answer of reply.value.answers) answers.set(answer.url, answer);
    for (const { url, failure } of reply.value.failures) {
      const index = this.#parts.config.indexes.find((one) => one.url === url)!;
      this.#noteFailure(index, failure);
      const kept = answers.get(url);
      if (kept?.isPage !== true || !mayServeStale(kept, rulesOf(index, this.#parts.config.upstream), this.#parts.nowMs()))
        return fail(failure);
      note(heard, "stale", 0);
    }
    const sources = heard.sources.map((source) => ({ ...source, contentHash: answers.get(source.url)?.contentHash ?? null, sent: null }));
    const { outcome, freshForMs } = heard;
    const { form, key } = reply.value;
    const made = form === null ? null : { slot: listSlot(body, coding), form };
    return ok({ identity: key, outcome, freshForMs, sources, made });
  }

  async #run(sources: readonly ListSource[], body: PageBody, coding: PageCoding) {
    const { jobs, file, config, nowMs } = this.#parts;
    const ownNames = this.#ownNames();
    const reply = await jobs.run({ file, maxBytes: config.upstream.listMaxBytes, sources, ownNames, body, coding, nowMs: nowMs() });
    if (reply.ok) for (const fault of reply.value.faults) this.#parts.onFault(fault);
    return reply;
  }

  #noteFailure(index: IndexConfig, failure: UpstreamFailure): void {
    this.#parts.failing.note(index.url, LIST, failure);
    this.#parts.log("warn", `${index.name} gave no list of projects. ${explainFailure(failure).message}`, { index: index.name, failure });
  }

  #key(sources: readonly ListSource[]): string {
    return listKey(sources as readonly { url: string; contentHash: string }[], this.#ownNames());
  }

  #ownNames(): readonly string[] {
    return this.#parts.packages?.names() ?? [];
  }
}

/** The least certain of the parts says what the whole is. */
function note(heard: Heard, outcome: CacheOutcome, freshForMs: number): void {
  if (RANK.indexOf(outcome) > RANK.indexOf(heard.outcome)) heard.outcome = outcome;
  heard.freshForMs = Math.min(heard.freshForMs, freshForMs);
}
