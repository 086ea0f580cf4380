/**
 * Opens the mirror's pages: joins freshness and the choice among indexes, the
 * threads that parse and render, and what is kept ready on the event loop. The
 * contract is pages.ts. Nothing is started or opened before the first request
 * that needs it.
 */
import { RecentMap } from "../../base/recent-map.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { MINUTE_MS } from "../../base/units.ts";
import type { MirrorConfig } from "../../config/mirror-config.ts";
import { MIRROR_STOPPING, type StoreFault } from "../../store/store-fault.ts";
import { ARTIFACT_SUFFIX, type ArtifactKind } from "../artifact.ts";
import type { MirrorCounters, ResourceKind } from "../counters.ts";
import { isUpstreamFailure, type MirrorFailure } from "../failures.ts";
import type { MirrorLog } from "../log.ts";
import type { Packages } from "../packages/packages.ts";
import { projectDenial } from "../policy/denied-project.ts";
import type { PageFormat } from "../simple/format.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { IndexRequests } from "./ask-index.ts";
import { FailingPages } from "./failing-pages.ts";
import { LIST } from "./kept-answer.ts";
import { KeptAnswers } from "./kept-answers.ts";
import { ListAnswers } from "./list-answers.ts";
import { ListJobs } from "./list-jobs.ts";
import { ListPages } from "./list-pages.ts";
import { PageClient } from "./page-client.ts";
import { PageForms } from "./page-forms.ts";
import { PageIntake } from "./page-intake.ts";
import type {
  FoundArtifact,
  PageCoding,
  PageName,
  Pages,
  PagesTotals,
  ProjectExplanation,
  Representation,
  Represented,
  WholePage,
} from "./pages.ts";
import { pagesFile } from "./pages-database.ts";
import { ProjectAnswers } from "./project-answers.ts";
import { ProjectPages } from "./project-pages.ts";

export interface PagesOptions {
  readonly config: MirrorConfig;
  readonly upstream: Upstream;
  readonly packages: Packages | null;
  readonly counters: MirrorCounters;
  readonly log: MirrorLog;
  readonly nowMs: () => number;
  /** A project's page came that was not known so: the caller prefetches. */
  readonly onFetched?: (project: string) => void;
}

export function openPages(options: PagesOptions): Pages {
  return new MirrorPages(options);
}

/** A full disk says so with every write. */
const FAULT_LOG_EVERY_MS = MINUTE_MS;
const FAULTS_MAX = 100;
const STOPPED = fail(MIRROR_STOPPING);

class MirrorPages implements Pages {
  readonly #options: PagesOptions;
  readonly #client: PageClient;
  readonly #jobs = new ListJobs();
  readonly #forms: PageForms;
  readonly #projects: ProjectPages;
  readonly #answers: ProjectAnswers;
  readonly #list: ListAnswers;
  /** Messages. */
  readonly #faultsLogged = new RecentMap<string, true>({ countMax: FAULTS_MAX, ageMaxMs: FAULT_LOG_EVERY_MS });
  #isClosed = false;

  constructor(options: PagesOptions) {
    const { config, packages, counters, log, nowMs } = options;
    this.#options = options;
    const file = pagesFile(config.cacheDir);
    const onFault = (fault: StoreFault) => this.#logFault(fault);
    this.#client = new PageClient({
      settings: { file, policy: config.policy, pageMaxBytes: config.upstream.pageMaxBytes },
      onFault,
      onLost: (reason) => log("error", "the page thread was lost", { reason }),
    });
    this.#forms = new PageForms(config.responseCacheMaxBytes, config.responseCacheTtlMs, nowMs);
    const requests = new IndexRequests(options.upstream);
    const answers = new KeptAnswers(this.#client);
    const shared = { config, packages, answers, pages: this.#client, failing: new FailingPages(nowMs), nowMs };
    const intake = new PageIntake({
      upstream: config.upstream,
      pages: this.#client,
      requests,
      counts: counters.byKind.page,
      nowMs,
      onChanged: (project) => this.#drop(project),
      onFetched: (project) => options.onFetched?.(project),
    });
    this.#projects = new ProjectPages({ ...shared, intake, log });
    this.#answers = new ProjectAnswers({ ...shared, projects: this.#projects, forms: this.#forms });
    const list = new ListPages({ ...shared, file, jobs: this.#jobs, requests, counts: counters.byKind.list, log, onFault });
    this.#list = new ListAnswers({ ...shared, list, forms: this.#forms });
  }

  prepared(page: PageName, format: PageFormat, coding: PageCoding): Representation | null {
    return this.#forms.current(page, format, coding, this.#options.packages?.revision ?? 0);
  }

  async represent(page: PageName, format: PageFormat, coding: PageCoding): Promise<Result<Represented, MirrorFailure>> {
    if (this.#isClosed) return STOPPED;
    if (page === LIST) return this.#counted("list", await this.#list.represent(format, coding));
    const denial = projectDenial(this.#options.config.policy, page);
    if (denial !== null) return fail({ code: "HIDDEN_BY_POLICY", project: page, filename: null, ...denial });
    return this.#counted("page", await this.#answers.represent(page, format, coding));
  }

  found(project: string, filename: string, kind: ArtifactKind): FoundArtifact | null {
    return this.#answers.found(project, filename, kind);
  }

  async find(project: string, filename: string, kind: ArtifactKind, isAnew = false): Promise<Result<FoundArtifact, MirrorFailure>> {
    const known = isAnew ? null : this.found(project, filename, kind);
    if (known !== null) return ok(known);
    if (this.#isClosed) return STOPPED;
    const denial = projectDenial(this.#options.config.policy, project);
    if (denial !== null) return fail({ code: "HIDDEN_BY_POLICY", project, filename: `${filename}${ARTIFACT_SUFFIX[kind]}`, ...denial });
    return this.#counted(kind, await this.#answers.find(project, filename, kind));
  }

  async explain(project: string): Promise<Result<ProjectExplanation, MirrorFailure>> {
    if (this.#isClosed) return STOPPED;
    const denial = projectDenial(this.#options.config.policy, project);
    if (denial !== null) return fail({ code: "HIDDEN_BY_POLICY", project, filename: null, ...denial });
    return this.#answers.explain(project);
  }

  async whole(project: string, mayAsk: boolean): Promise<Result<WholePage | null, MirrorFailure>> {
    return this.#isClosed ? STOPPED : this.#answers.whole(project, mayAsk);
  }

  async adopt(page: WholePage): Promise<Result<void, StoreFault>> {
    const adopted = await this.#projects.adopt(page);
    this.#drop(page.page.name);
    return adopted;
  }

  async forget(page: PageName): Promise<boolean> {
    if (this.#isClosed) return false;
    const forgotten = await (page === LIST ? this.#list.forget() : this.#projects.forget(page));
    this.#drop(page);
    return forgotten.ok && forgotten.value;
  }

  get totals(): PagesTotals {
    return { preparedCount: this.#forms.count, preparedBytes: this.#forms.sizeBytes, projectCount: this.#client.projectCount };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#client.close(), this.#jobs.close()]);
  }

  /** What was made of the page is of no use any more. */
  #drop(page: PageName): void {
    this.#forms.drop(page);
    this.#answers.drop(page);
  }

  #counted<Value>(kind: ResourceKind, result: Result<Value, MirrorFailure>): Result<Value, MirrorFailure> {
    if (!result.ok && isUpstreamFailure(result.failure)) this.#options.counters.byKind[kind].failed++;
    return result;
  }

  #logFault({ code, message }: StoreFault): void {
    if (this.#faultsLogged.peek(message) !== undefined) return;
    this.#faultsLogged.set(message, true);
    this.#options.log("error", message, { code });
  }
}
