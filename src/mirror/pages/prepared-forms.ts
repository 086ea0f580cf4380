/**
 * Prepared forms: representations by page, format and coding, least recently
 * used out first, bounded by their bytes. A page's forms are believed for a
 * time without a look at the page; after that whoever has looked may renew
 * them, and a form of anything else than the page is now is dropped.
 * `current` is the hot path: once per request.
 */
import { FORMATS, type PageBody, type PageFormat } from "../simple/format.ts";
import type { CodedBytes } from "./coded-bytes.ts";
import type { PageCoding, Representation } from "./pages.ts";
import { representationOf } from "./representation.ts";

/** What a form costs beside its bytes. */
const FORM_COST_BYTES = 1024;

const CODING_COUNT = 4;
const CODING_SLOT: Readonly<Record<PageCoding, number>> = { identity: 0, gzip: 1, br: 2, zstd: 3 };
const FORMAT_SLOT: Readonly<Record<PageFormat, number>> = { json: 0, html: CODING_COUNT, "text-html": 2 * CODING_COUNT };
const SLOT_COUNT = 3 * CODING_COUNT;

/** What somebody found who looked at the page. */
export interface PageLook {
  /** Names the content: forms of another identity are of another page. */
  readonly identity: string;
  /** Of the packages' folder: a name may be its own from one moment to the next. */
  readonly revision: number;
  readonly nowMs: number;
  /** How long nobody need look again. 0 after a failure: an answer that is stale must be told as such. */
  readonly maxAgeMs: number;
}

interface PreparedPage {
  look: PageLook;
  /** When the policy will show more of it, and since when it has shown so much. */
  untilMs: number;
  readonly madeAtMs: number;
  /** Of the look, cut by `untilMs`. */
  maxAgeMs: number;
  /** By format and coding. */
  readonly forms: (Form | null)[];
}

/** Both formats of an HTML form share its bytes, so they come and go together. */
interface Form {
  readonly name: string;
  readonly page: PreparedPage;
  readonly slots: readonly number[];
  readonly representations: readonly Representation[];
  readonly sizeBytes: number;
  /** Asked for since the last round: a hit costs one write, where a move in the order would cost two lookups. */
  wasUsed: boolean;
}

export class PreparedForms {
  readonly #maxBytes: number;
  readonly #pages = new Map<string, PreparedPage>();
  /** Oldest first; one that was used gets another round (the "clock" of page replacement). */
  readonly #forms = new Set<Form>();
  #sizeBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#forms.size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Null when there is none, or its page must be looked at first. */
  current(name: string, format: PageFormat, coding: PageCoding, revision: number, nowMs: number): Representation | null {
    const page = this.#pages.get(name);
    if (page === undefined) return null;
    const ageMs = nowMs - page.look.nowMs;
    // An age below zero is a clock that was put back.
    if (ageMs < 0 || ageMs >= page.maxAgeMs || page.look.revision !== revision) return null;
    return formOf(page, format, coding);
  }

  /** The form, if it is still of what the look has found; its page is then believed anew. */
  renewed(name: string, format: PageFormat, coding: PageCoding, look: PageLook): Representation | null {
    const page = this.#pages.get(name);
    if (page === undefined) return null;
    // Before the time it was made for, more may have to be hidden: the clock was put back.
    if (page.look.identity !== look.identity || look.nowMs >= page.untilMs || look.nowMs < page.madeAtMs) {
      this.drop(name);
      return null;
    }
    believe(page, look);
    return formOf(page, format, coding);
  }

  put(name: string, coded: CodedBytes, body: PageBody, coding: PageCoding, look: PageLook, untilMs: number): void {
    if (this.#pages.get(name)?.look.identity !== look.identity) this.drop(name);
    let page = this.#pages.get(name);
    if (page === undefined) {
      page = { look, untilMs, madeAtMs: look.nowMs, maxAgeMs: 0, forms: new Array<Form | null>(SLOT_COUNT).fill(null) };
      this.#pages.set(name, page);
    }
    page.untilMs = Math.min(page.untilMs, untilMs);
    believe(page, look);
    this.#add(name, page, coded, body, coding);
    this.#evict();
  }

  drop(name: string): void {
    const page = this.#pages.get(name);
    if (page === undefined) return;
    this.#pages.delete(name);
    for (const form of new Set(page.forms)) if (form !== null) this.#remove(form);
  }

  #add(name: string, page: PreparedPage, coded: CodedBytes, body: PageBody, coding: PageCoding): void {
    const formats = (Object.keys(FORMATS) as PageFormat[]).filter((format) => FORMATS[format].body === body);
    const slots = formats.map((format) => FORMAT_SLOT[format] + CODING_SLOT[coding]);
    const replaced = page.forms[slots[0]!];
    if (replaced !== null && replaced !== undefined) this.#remove(replaced);
    const representations = formats.map((format) => representationOf(coded, format, coding));
    const form: Form = { name, page, slots, representations, sizeBytes: coded.bytes.length + FORM_COST_BYTES, wasUsed: true };
    for (const slot of slots) page.forms[slot] = form;
    this.#forms.add(form);
    this.#sizeBytes += form.sizeBytes;
  }

  /** The newest stays whatever it weighs: it is in use, and the list of all projects may be larger than all the rest. */
  #evict(): void {
    for (const form of this.#forms) {
      if (this.#sizeBytes <= this.#maxBytes || this.#forms.size === 1) return;
      if (form.wasUsed) {
        form.wasUsed = false;
        // Behind the others; this loop will come to it again.
        this.#forms.delete(form);
        this.#forms.add(form);
      } else {
        this.#remove(form);
      }
    }
  }

  #remove(form: Form): void {
    this.#forms.delete(form);
    this.#sizeBytes -= form.sizeBytes;
    for (const slot of form.slots) form.page.forms[slot] = null;
    if (form.page.forms.every((other) => other === null) && this.#pages.get(form.name) === form.page) this.#pages.delete(form.name);
  }
}

function formOf(page: PreparedPage, format: PageFormat, coding: PageCoding): Representation | null {
  const slot = FORMAT_SLOT[format] + CODING_SLOT[coding];
  const form = page.forms[slot];
  if (form === null || form === undefined) return null;
  form.wasUsed = true;
  return form.representations[form.slots[0] === slot ? 0 : 1]!;
}

function believe(page: PreparedPage, look: PageLook): void {
  page.look = look;
  page.maxAgeMs = Math.min(look.maxAgeMs, page.untilMs - look.nowMs);
}
