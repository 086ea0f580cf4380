/**
 * Kept answers in the memory of the event loop: what each index said of the
 * projects in use, so that a look at a page is no turn to the thread. A copy
 * of what the database holds, and where that can't be written the only one.
 */
import { ok, type Result } from "../../base/result.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import type { KeptAnswer } from "./kept-answer.ts";
import type { PageClient } from "./page-client.ts";

/** About 600 bytes each. */
const PROJECTS_MAX = 10_000;

/** By the address of the index. */
export type Answers = Map<string, KeptAnswer>;

export class KeptAnswers {
  readonly #pages: PageClient;
  /** Insertion order is order of use. */
  readonly #projects = new Map<string, Answers>();

  constructor(pages: PageClient) {
    this.#pages = pages;
  }

  /** Without a turn to the thread: null when they are not in memory. */
  inMemory(project: string): Answers | null {
    const answers = this.#projects.get(project);
    if (answers === undefined) return null;
    this.#projects.delete(project);
    this.#projects.set(project, answers);
    return answers;
  }

  async of(project: string): Promise<Result<Answers, StoreFault>> {
    const known = this.inMemory(project);
    if (known !== null) return ok(known);
    const looked = await this.#pages.look(project);
    if (!looked.ok) return looked;
    // Somebody else may have looked, and learned more, meanwhile.
    const answers: Answers = this.#projects.get(project) ?? new Map(looked.value.map((answer) => [answer.url, answer]));
    this.#projects.set(project, answers);
    for (const oldest of this.#projects.keys()) {
      if (this.#projects.size <= PROJECTS_MAX) break;
      this.#projects.delete(oldest);
    }
    return ok(answers);
  }

  /** The database no longer holds what this says. */
  drop(project: string): void {
    this.#projects.delete(project);
  }
}
