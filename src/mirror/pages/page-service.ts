/**
 * Page service: what the page thread does for the event loop, one method a
 * request. It owns the database and the parsed pages; it decides nothing about
 * freshness, and doesn't know the time but for what it is told.
 * Requests and values cross threads: plain data.
 */

import { fail, ok, type Result } from "../../base/result.ts";
import type { PolicyConfig } from "../../config/mirror-config.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import { ARTIFACT_SUFFIX, type ArtifactKind } from "../artifact.ts";
import type { UpstreamFailure } from "../failures.ts";
import type { Policy } from "../policy/policy.ts";
import type { PageBody } from "../simple/format.ts";
import type { ProjectFile, ProjectPage } from "../simple/project-page.ts";
import { artifactOfFile, withheldArtifact } from "./artifact-of-file.ts";
import { type CodedBytes, codeText, PAGE_LEVELS, tagOf } from "./coded-bytes.ts";
import { type ContentBody, readContent } from "./content-body.ts";
import { explainPage } from "./explain-page.ts";
import { contentHashOf, type KeptAnswer } from "./kept-answer.ts";
import { pageFormKey, recipeOf } from "./page-form-key.ts";
import { tooManyParts } from "./page-parts.ts";
import { PageShelf } from "./page-shelf.ts";
import { judgeFile, viewPage } from "./page-view.ts";
import type { FoundArtifact, PageCoding, VersionExplanation } from "./pages.ts";
import { ParsedPages } from "./parsed-pages.ts";

export interface PageServiceSettings {
  readonly file: string;
  readonly policy: PolicyConfig;
  readonly pageMaxBytes: number;
}

interface KeptSource {
  readonly kind: "kept";
  readonly project: string;
  readonly url: string;
  readonly index: string;
  readonly contentHash: string;
}

/** Which page is meant: one that is kept, told by its content, or the one that comes along. */
export type PageSource = KeptSource | { readonly kind: "own"; readonly page: ProjectPage };

export interface KeepRequest {
  readonly project: string;
  readonly url: string;
  readonly index: string;
  readonly body: ContentBody;
  /** What relative links count from. */
  readonly baseUrl: string;
  readonly etag: string | null;
  readonly lastModified: string | null;
  readonly nowMs: number;
}

export interface RenderedForm extends CodedBytes {
  /** When the policy will change it by itself; null for never. */
  readonly untilMs: number | null;
}

/** Where a method answers null, the page is gone: the database lost it, or could not take it. */
export class PageService {
  readonly #shelf: PageShelf;
  readonly #policy: Policy;
  readonly #pageMaxBytes: number;
  readonly #recipe: string;
  readonly #parsed = new ParsedPages();

  constructor({ file, pageMaxBytes, policy: policyConfig }: PageServiceSettings, policy: Policy) {
    this.#shelf = new PageShelf(file);
    this.#policy = policy;
    this.#pageMaxBytes = pageMaxBytes;
    this.#recipe = recipeOf(policyConfig);
  }

  get projectCount(): number {
    return this.#shelf.projectCount;
  }

  takeFaults(): readonly StoreFault[] {
    return this.#shelf.takeFaults();
  }

  look(project: string): KeptAnswer[] {
    return this.#shelf.read<KeptAnswer[]>([], ({ answers }) => answers.of(project));
  }

  /** Takes what an index sent as its page. */
  async keep(request: KeepRequest): Promise<Result<KeptAnswer, UpstreamFailure>> {
    const { project, url, index, body, etag, lastModified, nowMs } = request;
    const content = readContent(body, this.#pageMaxBytes);
    if (!content.ok) return content;
    const swollen = tooManyParts(content.value);
    if (swollen !== null) return fail({ code: "UPSTREAM_MALFORMED", url: body.url, reason: swollen });
    const parse = content.value.parser === "json" ? await jsonParser() : await htmlParser();
    const page = parse(content.value.text, project, request.baseUrl);
    if (!page.ok) return fail({ code: "UPSTREAM_MALFORMED", url: body.url, reason: page.failure });
    if (page.value.files.length === 0 && !EMPTY_LIST.test(content.value.text) && this.#keepsFiles(project, url))
      return fail({ code: "UPSTREAM_MALFORMED", url: body.url, reason: "it lists no file that can be used, and did before" });
    // A page that can't be written is served all the same, from memory.
    const { answer } = this.#put(page.value, { url, index, isPage: true, checkedAtMs: nowMs, isForgotten: false, etag, lastModified });
    return ok(answer);
  }

  /** A page that came in another way than from its index. Null when the database can't take it. */
  adopt(page: ProjectPage, url: string, index: string, fetchedAtMs: number): KeptAnswer | null {
    const known = { url, index, isPage: true, checkedAtMs: fetchedAtMs, isForgotten: false, etag: null, lastModified: null };
    const { answer, isKept } = this.#put(page, known);
    return isKept ? answer : null;
  }

  whole(source: PageSource): ProjectPage | null {
    return this.#page(source);
  }

  /** The index says it has none. */
  putAbsent(project: string, answer: KeptAnswer): void {
    this.#parsed.drop(project, answer.url);
    this.#shelf.write(({ answers }) => answers.put(project, answer, null));
  }

  confirm(project: string, answer: KeptAnswer): void {
    this.#shelf.write(({ answers }) => answers.confirm(project, answer));
  }

  forget(project: string): boolean {
    let wasKnown = false;
    this.#shelf.write(({ answers }) => {
      wasKnown = answers.forget(project);
    });
    return wasKnown;
  }

  async render(source: PageSource, body: PageBody, coding: PageCoding, nowMs: number): Promise<RenderedForm | null> {
    const page = this.#page(source);
    if (page === null) return null;
    const { files, untilMs } = viewPage(page, this.#policy, nowMs, source.kind === "own");
    const render = body === "json" ? await jsonRenderer() : await htmlRenderer();
    const form = { ...codeText(render(page, files), coding, PAGE_LEVELS), untilMs };
    if (source.kind === "kept") this.#keepForm(source, `${body} ${coding}`, form, nowMs);
    return form;
  }

  /**
   * `found` is null when the page lists no such file, or says that it has no such artifact. A file that is listed under the
   * whole name ("foo-1.0.tar.gz.asc") is that file, and not what another has beside it.
   */
  find(source: PageSource, filename: string, wanted: ArtifactKind, nowMs: number): { readonly found: FoundArtifact | null } | null {
    const page = this.#page(source);
    if (page === null) return null;
    const isOwn = source.kind === "own";
    const listed = wanted === "file" ? undefined : listedAs(page, `${filename}${ARTIFACT_SUFFIX[wanted]}`);
    const file = listed ?? listedAs(page, filename);
    if (file === undefined) return { found: null };
    const kind = listed === undefined ? wanted : "file";
    const { visible, hiddenBy } = judgeFile(page, file, this.#policy, nowMs, isOwn);
    const index = isOwn ? null : source.index;
    // Of a hidden file everything is withheld, also what it has none of: the reason is what its client should hear.
    if (!visible) return { found: { artifact: withheldArtifact(page.name, file, kind, index), hiddenBy, wouldHide: null } };
    const artifact = artifactOfFile(page.name, file, kind, index);
    return { found: artifact === null ? null : { artifact, hiddenBy: null, wouldHide: hiddenBy } };
  }

  explain(source: PageSource, nowMs: number): readonly VersionExplanation[] | null {
    const page = this.#page(source);
    if (page === null) return null;
    return explainPage(page, (file) => judgeFile(page, file, this.#policy, nowMs, source.kind === "own").hiddenBy);
  }

  listForm(slot: string, key: string): CodedBytes | null {
    const bytes = this.#shelf.read(null, ({ listForms }) => listForms.find(slot, key));
    return bytes === null ? null : { bytes, tag: tagOf(bytes) };
  }

  close(): void {
    this.#shelf.close();
  }

  /** For the next start. */
  #keepForm(source: KeptSource, slot: string, form: RenderedForm, nowMs: number): void {
    this.#shelf.write(({ pageForms }) => pageForms.put(source.project, slot, pageFormKey(source, this.#recipe), form, nowMs));
  }

  #put(page: ProjectPage, known: Omit<KeptAnswer, "contentHash">): { readonly answer: KeptAnswer; readonly isKept: boolean } {
    const text = JSON.stringify(page);
    const answer = { ...known, contentHash: contentHashOf(text) };
    const isKept = this.#shelf.write(({ answers }) => answers.put(page.name, answer, text));
    this.#parsed.put(page.name, answer.url, answer.contentHash, page, text.length, !isKept);
    return { answer, isKept };
  }

  #keepsFiles(project: string, url: string): boolean {
    const kept = this.look(project).find((answer) => answer.url === url && answer.isPage);
    if (kept === undefined) return false;
    return this.#page({ kind: "kept", project, url, index: kept.index, contentHash: kept.contentHash })?.files.length !== 0;
  }

  #page(source: PageSource): ProjectPage | null {
    if (source.kind === "own") return source.page;
    const { project, url, contentHash } = source;
    const parsed = this.#parsed.get(project, url, contentHash);
    if (parsed !== null) return parsed;
    const text = this.#shelf.read(null, ({ answers }) => answers.content(project, url, contentHash));
    if (text === null) return null;
    const page = JSON.parse(text) as ProjectPage;
    this.#parsed.put(project, url, contentHash, page, text.length, false);
    return page;
  }
}

/** An index that means it: what is not in JSON, or has entries that nobody can use, is rather broken than emptied. */
const EMPTY_LIST = /"files"\s*:\s*\[\s*\]/;

function listedAs(page: ProjectPage, filename: string): ProjectFile | undefined {
  return page.files.find((file) => file.filename === filename);
}

// Loaded when first needed: the first page is waited for, and most mirrors never see an HTML page.
const jsonParser = async () => (await import("../simple/parse-json.ts")).parseProjectJson;
const htmlParser = async () => (await import("../simple/parse-html.ts")).parseProjectHtml;
const jsonRenderer = async () => (await import("../simple/render-json.ts")).renderProjectJson;
const htmlRenderer = async () => (await import("../simple/render-html.ts")).renderProjectHtml;
