/**
 * Parsed pages: those used last, so that the files of an installation, which
 * are asked for one after the other, don't cost a parse each. Bounded by the
 * length of their text; a longer page is kept only where it is the only copy.
 */
import { MIB } from "../../base/units.ts";
import type { ProjectPage } from "../simple/project-page.ts";

/** A parsed page takes about twice its text. */
const TEXT_MAX_LENGTH = 24 * MIB;

interface Parsed {
  readonly contentHash: string;
  readonly page: ProjectPage;
  readonly textLength: number;
}

export class ParsedPages {
  /** Insertion order is order of use. */
  readonly #pages = new Map<string, Parsed>();
  #textLength = 0;

  get(project: string, url: string, contentHash: string): ProjectPage | null {
    const key = keyOf(project, url);
    const parsed = this.#pages.get(key);
    if (parsed?.contentHash !== contentHash) return null;
    this.#pages.delete(key);
    this.#pages.set(key, parsed);
    return parsed.page;
  }

  put(project: string, url: string, contentHash: string, page: ProjectPage, textLength: number, isOnlyCopy: boolean): void {
    this.drop(project, url);
    if (textLength > TEXT_MAX_LENGTH && !isOnlyCopy) return;
    this.#pages.set(keyOf(project, url), { contentHash, page, textLength });
    this.#textLength += textLength;
    for (const [key, oldest] of this.#pages) {
      if (this.#textLength <= TEXT_MAX_LENGTH || this.#pages.size === 1) break;
      this.#pages.delete(key);
      this.#textLength -= oldest.textLength;
    }
  }

  drop(project: string, url: string): void {
    const key = keyOf(project, url);
    this.#textLength -= this.#pages.get(key)?.textLength ?? 0;
    this.#pages.delete(key);
  }
}

/** Neither a normalised name nor an address holds a space. */
function keyOf(project: string, url: string): string {
  return `${project} ${url}`;
}
