/**
 * List answers: the list of all projects in a form, from what is prepared, or
 * from what the indexes say now; one question to each however many ask.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { SingleFlight } from "../../base/single-flight.ts";
import type { MirrorFailure } from "../failures.ts";
import type { Packages } from "../packages/packages.ts";
import { FORMATS, type PageFormat } from "../simple/format.ts";
import { LIST } from "./kept-answer.ts";
import type { KeptAnswers } from "./kept-answers.ts";
import type { ListPages, ResolvedList } from "./list-pages.ts";
import type { PageForms } from "./page-forms.ts";
import type { PageCoding, Represented } from "./pages.ts";

const ATTEMPTS_MAX = 2;

export interface ListAnswersParts {
  readonly packages: Packages | null;
  readonly answers: KeptAnswers;
  readonly list: ListPages;
  readonly forms: PageForms;
}

export class ListAnswers {
  readonly #parts: ListAnswersParts;
  readonly #flight = new SingleFlight<Result<ResolvedList, MirrorFailure>>();

  constructor(parts: ListAnswersParts) {
    this.#parts = parts;
  }

  async represent(format: PageFormat, coding: PageCoding): Promise<Result<Represented, MirrorFailure>> {
    const { list, forms, packages, answers } = this.#parts;
    const { body } = FORMATS[format];
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const resolved = await this.#flight.run(LIST, () => list.resolve(body, coding));
      if (!resolved.ok) return resolved;
      const { value } = resolved;
      const form = await forms.form(LIST, value, packages?.revision ?? 0, format, coding, async () => {
        const made = await list.form(value, body, coding);
        if (!made.ok) return made;
        return ok(made.value === null ? null : { ...made.value, untilMs: null });
      });
      if (!form.ok) return form;
      if (form.value !== null) return ok({ representation: form.value, outcome: value.outcome });
      // The database has lost what an index listed: it is asked again.
      answers.drop(LIST);
    }
    return fail({ code: "STORAGE_FAILED", message: "The list of projects was lost as soon as it had come" });
  }

  async forget(): Promise<Result<boolean, MirrorFailure>> {
    await this.#flight.part(LIST);
    return this.#parts.list.forget();
  }
}
