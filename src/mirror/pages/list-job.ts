/**
 * List job: the lists of all indexes, and the names of the packages' folder,
 * become one list in one form. 600,000 names: 28 MB of JSON in, as much out,
 * a hundred more in between, which is why it has a process that ends after it.
 * What an index listed is kept as plain names, so that another form, or
 * another index's change, needs no fetch.
 */

import { normaliseName } from "../../base/project-name.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import type { UpstreamFailure } from "../failures.ts";
import type { PageBody } from "../simple/format.ts";
import { parseListHtml, parseListJson, renderListHtml, renderListJson } from "../simple/project-list.ts";
import type { ProjectList } from "../simple/project-page.ts";
import { type CodedBytes, codeText, LIST_LEVELS } from "./coded-bytes.ts";
import { type ContentBody, readContent } from "./content-body.ts";
import { contentHashOf, type KeptAnswer, LIST } from "./kept-answer.ts";
import { listKey, listSlot } from "./list-key.ts";
import { PageShelf } from "./page-shelf.ts";
import type { PageCoding } from "./pages.ts";

export interface ListSource {
  readonly url: string;
  readonly index: string;
  /** Of what is kept of it; null when nothing is. */
  readonly contentHash: string | null;
  /** What it has just sent; null to take what is kept. */
  readonly sent: { readonly body: ContentBody; readonly etag: string | null; readonly lastModified: string | null } | null;
}

export interface ListJob {
  readonly file: string;
  readonly maxBytes: number;
  /** In the order in which their spelling of a name counts. */
  readonly sources: readonly ListSource[];
  /** These come before all. */
  readonly ownNames: readonly string[];
  readonly body: PageBody;
  readonly coding: PageCoding;
  readonly nowMs: number;
}

export interface ListJobReply {
  /** What sources sent, as it is kept now. */
  readonly answers: readonly KeptAnswer[];
  readonly failures: readonly { readonly url: string; readonly failure: UpstreamFailure }[];
  /** Null when the database no longer holds what a source listed. */
  readonly form: CodedBytes | null;
  readonly key: string;
  readonly faults: readonly StoreFault[];
}

export function runListJob(job: ListJob): ListJobReply {
  const shelf = new PageShelf(job.file);
  try {
    return new ListRun(job, shelf).run();
  } finally {
    shelf.close();
  }
}

class ListRun {
  readonly #job: ListJob;
  readonly #shelf: PageShelf;
  readonly #answers: KeptAnswer[] = [];
  readonly #failures: { url: string; failure: UpstreamFailure }[] = [];
  readonly #used: { url: string; contentHash: string }[] = [];

  constructor(job: ListJob, shelf: PageShelf) {
    this.#job = job;
    this.#shelf = shelf;
  }

  run(): ListJobReply {
    const lists = this.#job.sources.map((source) => this.#listOf(source));
    const key = listKey(this.#used, this.#job.ownNames);
    const form = lists.includes(null) ? null : this.#form(merge(this.#job.ownNames, lists as ProjectList[]), key);
    return { answers: this.#answers, failures: this.#failures, form, key, faults: this.#shelf.takeFaults() };
  }

  /** Null when it should be in the database and isn't. */
  #listOf(source: ListSource): ProjectList | null {
    const taken = source.sent === null ? null : this.#take(source, source.sent);
    if (taken !== null) return taken;
    const { url, contentHash } = source;
    // What it sent is of no use, and nothing is kept: whether that is fatal is not decided here.
    if (contentHash === null) return { names: [], lastSerial: null };
    const text = this.#shelf.read(null, ({ answers }) => answers.content(LIST, url, contentHash));
    if (text === null) return null;
    this.#used.push({ url, contentHash });
    return listOfText(text);
  }

  #take({ url, index }: ListSource, { body, etag, lastModified }: NonNullable<ListSource["sent"]>): ProjectList | null {
    const list = parseBody(body, this.#job.maxBytes);
    if (!list.ok) {
      this.#failures.push({ url, failure: list.failure });
      return null;
    }
    const text = textOfList(list.value);
    const contentHash = contentHashOf(text);
    const answer = { url, index, isPage: true, checkedAtMs: this.#job.nowMs, isForgotten: false, etag, lastModified, contentHash };
    this.#shelf.write(({ answers }) => answers.put(LIST, answer, text));
    this.#answers.push(answer);
    this.#used.push({ url, contentHash });
    return list.value;
  }

  #form(list: ProjectList, key: string): CodedBytes {
    const { body, coding } = this.#job;
    const form = codeText(body === "json" ? renderListJson(list) : renderListHtml(list), coding, LIST_LEVELS);
    this.#shelf.write(({ listForms }) => listForms.put(listSlot(body, coding), key, form.bytes));
    return form;
  }
}

function parseBody(body: ContentBody, maxBytes: number): Result<ProjectList, UpstreamFailure> {
  const content = readContent(body, maxBytes);
  if (!content.ok) return content;
  const list = content.value.parser === "json" ? parseListJson(content.value.text) : parseListHtml(content.value.text);
  return list.ok ? ok(list.value) : fail({ code: "UPSTREAM_MALFORMED", url: body.url, reason: list.failure });
}

/** The first spelling of a name counts. A serial says something of one index only. */
function merge(ownNames: readonly string[], lists: readonly ProjectList[]): ProjectList {
  const [only] = lists;
  // As most mirrors have it; looking for doubles takes longer than parsing.
  if (only !== undefined && lists.length === 1 && ownNames.length === 0) return only;
  const names: string[] = [];
  const seen = new Set<string>();
  for (const name of [ownNames, ...lists.map((list) => list.names)].flat()) {
    const normalised = normaliseName(name);
    if (seen.has(normalised)) continue;
    seen.add(normalised);
    names.push(name);
  }
  return { names, lastSerial: null };
}

/** The serial, then a name a line: names hold no white space. */
function textOfList({ names, lastSerial }: ProjectList): string {
  return `${lastSerial ?? ""}\n${names.join("\n")}`;
}

function listOfText(text: string): ProjectList {
  const end = text.indexOf("\n");
  const serial = text.slice(0, end);
  const names = end + 1 === text.length ? [] : text.slice(end + 1).split("\n");
  return { names, lastSerial: serial === "" ? null : Number(serial) };
}
