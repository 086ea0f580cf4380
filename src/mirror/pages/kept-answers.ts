/**
 * Kept answers in the memory of the event loop: what each index said of the
 * projects in use, so that a look at a page is no turn to the thread. A copy
 * of what the database holds, and where that can't be written the only one.
 */
import { RecentMap } from "../../base/recent-map.ts";
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
  readonly #projects = new RecentMap<string, Answers>({ countMax: PROJECTS_MAX });

  constructor(pages: PageClient) {
    this.#pages = pages;
  }

  /** Without a turn to the thread: null when they are not in memory. */
  inMemory(project: string): Answers | null {
    return this.#projects.get(project) ?? null;
  }

  async of(project: string): Promise<Result<Answers, StoreFault>> {
    const known = this.inMemory(project);
    if (known !== null) return ok(known);
    let looked = await this.#pages.look(project);
    // The thread was lost, of another's page perhaps: what the database holds is still there.
    if (!looked.ok && looked.failure.code === "STORAGE_FAILED") looked = await this.#pages.look(project);
    if (!looked.ok) return looked;
    // Somebody else may have looked, and learned more, meanwhile.
    const answers: Answers = this.#projects.peek(project) ?? new Map(looked.value.map((answer) => [answer.url, answer]));
    this.#projects.set(project, answers);
    return ok(answers);
  }

  /** The database no longer holds what this says. */
  drop(project: string): void {
    this.#projects.delete(project);
  }
}
