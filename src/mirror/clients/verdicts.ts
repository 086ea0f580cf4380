/**
 * Verdicts: what was found of a header, by its digest. Two bounded lists, the
 * least recently used goes first: a flood of wrong passwords can push out
 * other wrong ones, never one that was right. A denial is believed for a
 * while only, an allowance until the users change.
 */
import { RecentMap } from "../../base/recent-map.ts";

const ALLOWED_MAX = 10_000;
const DENIED_MAX = 1_000;

export type Verdict = "allowed" | "denied";

export class Verdicts {
  readonly #allowed = new RecentMap<string, true>({ countMax: ALLOWED_MAX });
  readonly #denied: RecentMap<string, true>;

  constructor(deniedForMs: number, nowMs: () => number) {
    this.#denied = new RecentMap({ countMax: DENIED_MAX, ageMaxMs: deniedForMs, nowMs });
  }

  of(digest: string): Verdict | null {
    if (this.#allowed.get(digest) !== undefined) return "allowed";
    return this.#denied.peek(digest) === undefined ? null : "denied";
  }

  keep(digest: string, verdict: Verdict): void {
    (verdict === "allowed" ? this.#allowed : this.#denied).set(digest, true);
  }

  clear(): void {
    this.#allowed.clear();
    this.#denied.clear();
  }
}
