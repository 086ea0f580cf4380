/**
 * Parsed pages: those used last, so that the files of an installation, which
 * are asked for one after the other, don't cost a parse each. Bounded by the
 * length of their text; a longer page is kept only where it is the only copy.
 */
import { RecentMap } from "../../base/recent-map.ts";
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
  readonly #pages = new RecentMap<string, Parsed>({ weightMax: TEXT_MAX_LENGTH, weigh: ({ textLength }) => textLength });

  get(project: string, url: string, contentHash: string): ProjectPage | null {
    const parsed = this.#pages.get(keyOf(project, url));
    return parsed?.contentHash === contentHash ? parsed.page : null;
  }

  put(project: string, url: string, contentHash: string, page: ProjectPage, textLength: number, isOnlyCopy: boolean): void {
    if (textLength > TEXT_MAX_LENGTH && !isOnlyCopy) this.drop(project, url);
    else this.#pages.set(keyOf(project, url), { contentHash, page, textLength });
  }

  drop(project: string, url: string): void {
    this.#pages.delete(keyOf(project, url));
  }
}

/** Neither a normalised name nor an address holds a space. */
function keyOf(project: string, url: string): string {
  return `${project} ${url}`;
}
