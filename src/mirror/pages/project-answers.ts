/**
 * Project answers: what is told of a project: its page in a form, one of its
 * files, an explanation. Each first finds out which page the project has
 * (project-pages.ts), then has the page thread make something of it. A page
 * that the database has lost meanwhile is found out about once more, and what
 * was under way in a thread that died, of another's page perhaps, is done once
 * more.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { SECOND_MS } from "../../base/units.ts";
import type { MirrorConfig } from "../../config/mirror-config.ts";
import { ARTIFACT_SUFFIX, type ArtifactKind } from "../artifact.ts";
import type { MirrorFailure } from "../failures.ts";
import type { Packages } from "../packages/packages.ts";
import { FORMATS, type PageFormat } from "../simple/format.ts";
import { FoundFiles } from "./found-files.ts";
import type { KeptAnswers } from "./kept-answers.ts";
import type { PageClient } from "./page-client.ts";
import type { PageForms } from "./page-forms.ts";
import type { PageSource } from "./page-service.ts";
import type { FoundArtifact, PageCoding, ProjectExplanation, Represented, WholePage } from "./pages.ts";
import type { ProjectPages, ResolvedPage } from "./project-pages.ts";

/** A file that a page doesn't list may be new upstream; but a client that makes up names must not become as many requests. */
export const FILE_RECHECK_MS = 10 * SECOND_MS;
const ATTEMPTS_MAX = 2;

export interface ProjectAnswersParts {
  readonly config: MirrorConfig;
  readonly packages: Packages | null;
  readonly answers: KeptAnswers;
  readonly projects: ProjectPages;
  readonly pages: PageClient;
  readonly forms: PageForms;
  readonly nowMs: () => number;
}

/** What is made of a page; null when the page is gone. */
type Made<Value> = Result<Value | null, MirrorFailure>;

export class ProjectAnswers {
  readonly #parts: ProjectAnswersParts;
  readonly #found = new FoundFiles();

  constructor(parts: ProjectAnswersParts) {
    this.#parts = parts;
  }

  represent(project: string, format: PageFormat, coding: PageCoding): Promise<Result<Represented, MirrorFailure>> {
    const { pages, forms, nowMs } = this.#parts;
    return this.#make<Represented>(project, async (page) => {
      const form = await forms.form(project, page, this.#revision(), format, coding, () =>
        this.#withSource(project, page, (source) => pages.render(source, FORMATS[format].body, coding, nowMs())),
      );
      if (!form.ok) return form;
      return ok(form.value === null ? null : { representation: form.value, outcome: page.outcome });
    });
  }

  explain(project: string): Promise<Result<ProjectExplanation, MirrorFailure>> {
    const { pages, config, nowMs } = this.#parts;
    return this.#make<ProjectExplanation>(project, async (page) => {
      const versions = await this.#withSource(project, page, (source) => pages.call("explain", source, nowMs()));
      if (!versions.ok || versions.value === null) return versions.ok ? ok(null) : versions;
      const { index, fetchedAtMs } = page;
      return ok({ project, index, mode: config.policy.mode, fetchedAtMs, versions: versions.value });
    });
  }

  /** The page as its index has it. */
  async whole(project: string, mayAsk: boolean): Promise<Result<WholePage | null, MirrorFailure>> {
    const use = async (resolved: ResolvedPage) => {
      const page = await this.#withSource(project, resolved, (source) => this.#parts.pages.call("whole", source));
      if (!page.ok || page.value === null) return page.ok ? ok(null) : page;
      return ok({ index: resolved.index.name, fetchedAtMs: resolved.fetchedAtMs, page: page.value });
    };
    if (mayAsk) return this.#make<WholePage>(project, use);
    const kept = await this.#parts.projects.kept(project);
    if (!kept.ok) return kept;
    return kept.value === null ? ok(null) : use(kept.value);
  }

  found(project: string, filename: string, kind: ArtifactKind): FoundArtifact | null {
    return this.#found.get(project, filename, kind, this.#revision(), this.#parts.nowMs());
  }

  /** A page that is kept will do, whatever its age, if it lists the file: what was listed once stays there to be had. */
  async find(project: string, filename: string, kind: ArtifactKind): Promise<Result<FoundArtifact, MirrorFailure>> {
    const kept = await this.#parts.projects.kept(project);
    if (!kept.ok) return kept;
    const page = kept.value;
    if (page !== null && page.kept?.isForgotten !== true) {
      const looked = await this.#findIn(project, page, filename, kind);
      if (!looked.ok && !wasLost(looked.failure)) return looked;
      if (looked.ok) {
        if (looked.value?.found != null) return ok(looked.value.found);
        if (looked.value === null) this.#parts.answers.drop(project);
        else if (!this.#mayBeOutdated(page)) return noSuchFile(project, `${filename}${ARTIFACT_SUFFIX[kind]}`);
      }
    }
    const looked = await this.#make(project, (current) => this.#findIn(project, current, filename, kind));
    if (!looked.ok) return looked;
    return looked.value.found === null ? noSuchFile(project, `${filename}${ARTIFACT_SUFFIX[kind]}`) : ok(looked.value.found);
  }

  /** The page is another now. */
  drop(project: string): void {
    this.#found.drop(project);
  }

  async #findIn(project: string, page: ResolvedPage, filename: string, kind: ArtifactKind): Promise<Made<{ found: FoundArtifact | null }>> {
    const { pages, nowMs } = this.#parts;
    const revision = this.#revision();
    const atMs = nowMs();
    const looked = await this.#withSource(project, page, (source) => pages.call("find", source, filename, kind, atMs));
    if (looked.ok && looked.value?.found != null && this.#isCurrent(project, page)) {
      this.#found.put(project, filename, kind, looked.value.found, revision, atMs);
    }
    return looked;
  }

  async #make<Value>(project: string, make: (page: ResolvedPage) => Promise<Made<Value>>): Promise<Result<Value, MirrorFailure>> {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const resolution = await this.#parts.projects.resolve(project);
      if (!resolution.ok) return resolution;
      const made = await make(resolution.value);
      if (made.ok && made.value !== null) return ok(made.value);
      if (made.ok) this.#parts.answers.drop(project);
      else if (!wasLost(made.failure) || attempt === ATTEMPTS_MAX) return made;
    }
    return fail({ code: "STORAGE_FAILED", message: `The page of "${project}" was lost as soon as it had come` });
  }

  async #withSource<Value>(
    project: string,
    { kept, index }: ResolvedPage,
    use: (source: PageSource) => Promise<Made<Value>>,
  ): Promise<Made<Value>> {
    if (kept !== null) return use({ kind: "kept", project, url: kept.url, index: index.name, contentHash: kept.contentHash });
    const page = (await this.#parts.packages?.page(project)) ?? null;
    // Its last file went this moment. The name stays the folder's own for this answer: no index is asked for it.
    return page === null ? fail({ code: "NO_SUCH_PROJECT", project }) : use({ kind: "own", page });
  }

  #mayBeOutdated({ kept }: ResolvedPage): boolean {
    if (kept === null) return false;
    const ageMs = this.#parts.nowMs() - kept.checkedAtMs;
    return ageMs < 0 || ageMs >= FILE_RECHECK_MS;
  }

  /** It may have become another while the thread looked. */
  #isCurrent(project: string, { kept }: ResolvedPage): boolean {
    if (kept === null) return true;
    return this.#parts.answers.inMemory(project)?.get(kept.url)?.contentHash === kept.contentHash;
  }

  #revision(): number {
    return this.#parts.packages?.revision ?? 0;
  }
}

/** With the thread that had it. */
function wasLost(failure: MirrorFailure): boolean {
  return failure.code === "STORAGE_FAILED";
}

function noSuchFile(project: string, filename: string): { readonly ok: false; readonly failure: MirrorFailure } {
  return fail({ code: "NO_SUCH_FILE", project, filename });
}
