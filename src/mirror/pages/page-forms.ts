/**
 * Page forms: the representation of a page as it has been found to be, from
 * what is prepared or made now, once however many wait for it.
 */
import { ok, type Result } from "../../base/result.ts";
import type { MirrorFailure } from "../failures.ts";
import { FORMATS, type PageFormat } from "../simple/format.ts";
import type { RenderedForm } from "./page-service.ts";
import type { PageCoding, PageName, Representation } from "./pages.ts";
import { PreparedForms } from "./prepared-forms.ts";
import { representationOf } from "./representation.ts";

/** What somebody found who looked at the page. */
export interface SeenPage {
  readonly identity: string;
  readonly freshForMs: number;
}

/** Null when what it is to be made of is gone. */
type Making = Promise<Result<RenderedForm | null, MirrorFailure>>;

interface Flight {
  making: Making | null;
  readonly name: PageName;
  /** The page became another, or was forgotten: whoever waits gets this form, and nobody after. */
  isOutdated: boolean;
}

export class PageForms {
  readonly #prepared: PreparedForms;
  readonly #ttlMs: number;
  readonly #nowMs: () => number;
  readonly #flights = new Map<string, Flight>();

  constructor(maxBytes: number, ttlMs: number, nowMs: () => number) {
    this.#prepared = new PreparedForms(maxBytes);
    this.#ttlMs = ttlMs;
    this.#nowMs = nowMs;
  }

  get count(): number {
    return this.#prepared.count;
  }

  get sizeBytes(): number {
    return this.#prepared.sizeBytes;
  }

  current(name: PageName, format: PageFormat, coding: PageCoding, revision: number): Representation | null {
    return this.#prepared.current(name, format, coding, revision, this.#nowMs());
  }

  async form(
    name: PageName,
    seen: SeenPage,
    revision: number,
    format: PageFormat,
    coding: PageCoding,
    make: () => Making,
  ): Promise<Result<Representation | null, MirrorFailure>> {
    const look = { identity: seen.identity, revision, nowMs: this.#nowMs(), maxAgeMs: Math.min(this.#ttlMs, seen.freshForMs) };
    const prepared = this.#prepared.renewed(name, format, coding, look);
    if (prepared !== null) return ok(prepared);
    const { body } = FORMATS[format];
    const key = `${name} ${body} ${coding} ${seen.identity}`;
    let flight = this.#flights.get(key);
    if (flight === undefined) {
      flight = { making: null, name, isOutdated: false };
      this.#flights.set(key, flight);
      flight.making = this.#made(key, flight, make, (form) =>
        this.#prepared.put(name, form, body, coding, look, form.untilMs ?? Number.POSITIVE_INFINITY),
      );
    }
    const made = await flight.making!;
    if (!made.ok) return made;
    return ok(made.value === null ? null : representationOf(made.value, format, coding));
  }

  drop(name: PageName): void {
    this.#prepared.drop(name);
    for (const flight of this.#flights.values()) if (flight.name === name) flight.isOutdated = true;
  }

  async #made(key: string, flight: Flight, make: () => Making, put: (form: RenderedForm) => void): Making {
    try {
      const made = await make();
      if (made.ok && made.value !== null && !flight.isOutdated) put(made.value);
      return made;
    } finally {
      this.#flights.delete(key);
    }
  }
}
