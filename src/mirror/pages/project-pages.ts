/**
 * Project pages: which page a name has at this moment, and how that is known.
 * The packages' folder comes first and owns its names; then the indexes that
 * may be asked, in order; the first that has the project owns it. One walk
 * along them at a time for a project, however many ask.
 *
 * An index that fails, by whatever but a clear "no", ends the walk. To go on to
 * the next would hand the names of a private index to whoever publishes them on
 * a public one, whenever the private one is down (dependency confusion). While
 * one fails, nothing new is taken from those behind it: only what was kept
 * before may answer, stale. So it is where what fails is ours: a page that the
 * thread dies of must not take along the one that was kept. What an operator
 * brought in a bundle comes last: it answers where the indexes have nothing to
 * say, and where one fails.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { SingleFlight } from "../../base/single-flight.ts";
import type { IndexConfig, MirrorConfig } from "../../config/mirror-config.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import { explainFailure, isUpstreamFailure, type MirrorFailure } from "../failures.ts";
import type { MirrorLog } from "../log.ts";
import type { Packages } from "../packages/packages.ts";
import type { FailingPages } from "./failing-pages.ts";
import { type FreshnessRules, mayServeStale, plan, rulesOf } from "./freshness.ts";
import { chooseIndexes, type IndexChoice } from "./index-choice.ts";
import type { KeptAnswer } from "./kept-answer.ts";
import type { Answers, KeptAnswers } from "./kept-answers.ts";
import type { PageClient } from "./page-client.ts";
import type { PageIntake } from "./page-intake.ts";
import type { CacheOutcome, ProjectExplanation, WholePage } from "./pages.ts";

/** The page that a name has. */
export interface ResolvedPage {
  /** Null for the packages' folder. */
  readonly kept: KeptAnswer | null;
  /** Names the content. */
  readonly identity: string;
  readonly index: ProjectExplanation["index"];
  readonly fetchedAtMs: number;
  readonly outcome: CacheOutcome;
  /** How long nobody need look again; 0 when it is stale. */
  readonly freshForMs: number;
}

/**
 * Where an index has its address, a page from a bundle has this: it is trimmed to what the bundle held, so it is no index's own
 * page, not even of the one that it was made from.
 */
const BUNDLE_URL = "bundle:";

export type Resolution = Result<ResolvedPage, MirrorFailure>;

export interface ProjectPagesParts {
  readonly config: MirrorConfig;
  readonly packages: Packages | null;
  readonly answers: KeptAnswers;
  readonly pages: PageClient;
  readonly intake: PageIntake;
  readonly failing: FailingPages;
  readonly log: MirrorLog;
  readonly nowMs: () => number;
}

export class ProjectPages {
  readonly #parts: ProjectPagesParts;
  readonly #walks = new SingleFlight<Resolution>();

  constructor(parts: ProjectPagesParts) {
    this.#parts = parts;
  }

  /** By the rules of freshness: asks whom they say to ask. */
  async resolve(project: string): Promise<Resolution> {
    const own = this.#own(project);
    if (own !== null) return own;
    const choice = this.#choice(project);
    const answers = this.#parts.answers.inMemory(project);
    const known = answers === null ? null : this.#withoutAsking(project, choice, answers);
    return known ?? this.#walks.run(project, () => this.#walk(project, choice));
  }

  /** The page that is kept, whatever its age; null when somebody must be asked whose page it is. */
  async kept(project: string): Promise<Result<ResolvedPage | null, MirrorFailure>> {
    const own = this.#own(project);
    if (own !== null) return own;
    const answers = await this.#parts.answers.of(project);
    if (!answers.ok) return answers;
    return ok(this.#keptOwner(this.#choice(project), answers.value));
  }

  /** A page that came in a bundle takes the place of what is kept. */
  async adopt({ index, fetchedAtMs, page }: WholePage): Promise<Result<void, StoreFault>> {
    const { name: project } = page;
    const answers = await this.#parts.answers.of(project);
    if (!answers.ok) return answers;
    // The other machine's clock may be ahead, or a liar: a page from the future would be the newest for years.
    const checkedAtMs = Math.min(fetchedAtMs, this.#parts.nowMs());
    const kept = await this.#parts.pages.call("adopt", page, BUNDLE_URL, index, checkedAtMs);
    if (!kept.ok) return kept;
    if (kept.value === null) return fail({ code: "STORAGE_FAILED", message: `The page of "${project}" can't be kept: see the log` });
    for (const [url, other] of answers.value) if (other.isPage) answers.value.delete(url);
    answers.value.set(BUNDLE_URL, kept.value);
    return ok(undefined);
  }

  /** True when something was known. */
  async forget(project: string): Promise<Result<boolean, MirrorFailure>> {
    // Whoever comes from now on joins no walk that began before.
    await this.#walks.part(project);
    const answers = await this.#parts.answers.of(project);
    if (!answers.ok) return answers;
    for (const [url, answer] of answers.value) {
      answers.value.set(url, { ...answer, isForgotten: true });
      this.#parts.failing.answered(url, project);
    }
    for (const { url } of this.#parts.config.indexes) this.#parts.pages.pardon(project, url);
    const forgotten = await this.#parts.pages.call("forget", project);
    return forgotten.ok ? ok(answers.value.size > 0) : forgotten;
  }

  #own(project: string): Resolution | null {
    const { packages, nowMs } = this.#parts;
    if (packages?.owns(project) !== true) return null;
    return ok({
      kept: null,
      identity: `packages ${packages.revision}`,
      index: { name: "packages", because: "packages" },
      fetchedAtMs: nowMs(),
      outcome: "hit",
      freshForMs: Number.POSITIVE_INFINITY,
    });
  }

  #choice(project: string): IndexChoice {
    return chooseIndexes(project, this.#parts.config.indexes, this.#parts.config.pins);
  }

  #rules(index: IndexConfig): FreshnessRules {
    return rulesOf(index, this.#parts.config.upstream);
  }

  async #walk(project: string, choice: IndexChoice): Promise<Resolution> {
    const looked = await this.#parts.answers.of(project);
    if (!looked.ok) return looked;
    const answers = looked.value;
    const known = this.#withoutAsking(project, choice, answers);
    if (known !== null) return known;
    let outcome: CacheOutcome = "hit";
    let freshForMs = Number.POSITIVE_INFINITY;
    for (const [place, index] of choice.indexes.entries()) {
      let answer = answers.get(index.url) ?? null;
      let step = plan(answer, this.#rules(index), this.#parts.nowMs());
      if (step.do === "fetch" || step.do === "revalidate") {
        const recent = this.#parts.failing.recent(index.url, project);
        const stale = recent === null ? null : this.#stale(choice, answers, place, recent);
        if (stale?.ok === true) return stale;
        const taken = await this.#parts.intake.take(project, index, step.do === "revalidate" ? answer : null, answers);
        if (!taken.ok) return this.#failed(project, choice, answers, place, taken.failure);
        this.#parts.failing.answered(index.url, project);
        answer = taken.value.answer;
        outcome = taken.value.isNew ? "miss" : "revalidated";
        // With a TTL of 0 an answer is for whoever asked, and for nobody after.
        step = plan(answer, this.#rules(index), this.#parts.nowMs());
      }
      freshForMs = Math.min(freshForMs, "freshForMs" in step ? step.freshForMs : 0);
      if (answer?.isPage === true) return ok(resolved(answer, { name: index.name, because: choice.because }, outcome, freshForMs));
    }
    return this.#broughtOr({ code: "NO_SUCH_PROJECT", project }, choice, answers, freshForMs);
  }

  /** Null when an index must be asked. */
  #withoutAsking(project: string, choice: IndexChoice, answers: Answers): Resolution | null {
    if (this.#parts.config.upstream.offline) return this.#offline(project, choice, answers);
    let freshForMs = Number.POSITIVE_INFINITY;
    for (const index of choice.indexes) {
      const answer = answers.get(index.url) ?? null;
      const step = plan(answer, this.#rules(index), this.#parts.nowMs());
      if (step.do !== "serve" && step.do !== "negative") return null;
      freshForMs = Math.min(freshForMs, step.freshForMs);
      if (step.do === "serve") return ok(resolved(answer!, { name: index.name, because: choice.because }, "hit", freshForMs));
    }
    return this.#broughtOr({ code: "NO_SUCH_PROJECT", project }, choice, answers, freshForMs);
  }

  /** Asks nobody; any age will do. */
  #offline(project: string, choice: IndexChoice, answers: Answers): Resolution {
    const owner = this.#keptOwner(choice, answers);
    if (owner === null) return fail({ code: "OFFLINE", what: `the page of "${project}"` });
    const index = choice.indexes.find(({ url }) => url === owner.kept!.url);
    const step = index === undefined ? null : plan(owner.kept, this.#rules(index), this.#parts.nowMs());
    return ok(step?.do === "serve" ? { ...owner, freshForMs: step.freshForMs } : { ...owner, outcome: "stale" });
  }

  #failed(project: string, choice: IndexChoice, answers: Answers, place: number, failure: MirrorFailure): Resolution {
    const index = choice.indexes[place]!;
    if (failure.code === "STOPPING") return fail(failure);
    this.#parts.failing.note(index.url, project, failure);
    const stale = this.#stale(choice, answers, place, failure);
    // What is wrong with our own thread says nothing about the index, and is told by whoever lost it.
    if (!isUpstreamFailure(failure)) return stale;
    const meanwhile = stale.ok ? ". The page that was kept is served" : "";
    this.#parts.log("warn", `${explainFailure(failure).message}${meanwhile}`, { project, index: index.name, failure });
    return stale;
  }

  /** The index at `place` fails, or we with its answer: what is kept may answer if it is the picture of when all of them did. */
  #stale(choice: IndexChoice, answers: Answers, place: number, failure: MirrorFailure): Resolution {
    for (const index of choice.indexes.slice(place)) {
      const answer = answers.get(index.url);
      if (answer === undefined || !mayServeStale(answer, this.#rules(index), this.#parts.nowMs())) break;
      if (answer.isPage) return ok(resolved(answer, { name: index.name, because: choice.because }, "stale", 0));
    }
    return this.#broughtOr(failure, choice, answers, 0);
  }

  #broughtOr(failure: MirrorFailure, choice: IndexChoice, answers: Answers, freshForMs: number): Resolution {
    const brought = this.#brought(choice, answers, freshForMs);
    return brought === null ? fail(failure) : ok(brought);
  }

  /** Null when no bundle brought it, or one from another index than the name is pinned to. */
  #brought({ because, indexes }: IndexChoice, answers: Answers, freshForMs: number): ResolvedPage | null {
    const kept = answers.get(BUNDLE_URL);
    if (kept === undefined || (because === "pin" && indexes.every(({ name }) => name !== kept.index))) return null;
    return resolved(kept, { name: kept.index, because: "bundle" }, freshForMs === 0 ? "stale" : "hit", freshForMs);
  }

  /** Whose page is kept. Null when an index that comes before was never asked: the name may be its own. */
  #keptOwner(choice: IndexChoice, answers: Answers): ResolvedPage | null {
    const { upstream, indexes: configured } = this.#parts.config;
    // A mirror that was given no index serves whatever it has.
    if (upstream.offline && configured.length === 0) return newestPage(answers);
    for (const { url, name } of choice.indexes) {
      const answer = answers.get(url);
      if (answer?.isPage === true) return resolved(answer, { name, because: choice.because }, "hit", 0);
      if (answer === undefined && !upstream.offline) return null;
    }
    return this.#brought(choice, answers, 0);
  }
}

function newestPage(answers: Answers): ResolvedPage | null {
  const pages = [...answers.values()].filter(({ isPage }) => isPage).sort((one, other) => other.checkedAtMs - one.checkedAtMs);
  const newest = pages[0];
  if (newest === undefined) return null;
  return resolved(newest, { name: newest.index, because: newest.url === BUNDLE_URL ? "bundle" : "first" }, "hit", 0);
}

function resolved(kept: KeptAnswer, index: ResolvedPage["index"], outcome: CacheOutcome, freshForMs: number): ResolvedPage {
  return { kept, identity: `${kept.url} ${kept.contentHash}`, index, fetchedAtMs: kept.checkedAtMs, outcome, freshForMs };
}
