/**
 * Verdicts: what was found of a header, by its digest. Two bounded lists, the
 * least recently used goes first: a flood of wrong passwords can push out
 * other wrong ones, never one that was right. A denial is believed for a
 * while only, an allowance until the users change.
 */
const ALLOWED_MAX = 10_000;
const DENIED_MAX = 1_000;

export type Verdict = "allowed" | "denied";

export class Verdicts {
  readonly #deniedForMs: number;
  readonly #allowed = new Set<string>();
  /** Since when. */
  readonly #denied = new Map<string, number>();

  constructor(deniedForMs: number) {
    this.#deniedForMs = deniedForMs;
  }

  of(digest: string, nowMs: number): Verdict | null {
    if (this.#allowed.has(digest)) {
      this.#allowed.delete(digest);
      this.#allowed.add(digest);
      return "allowed";
    }
    const atMs = this.#denied.get(digest);
    if (atMs === undefined) return null;
    if (Math.abs(nowMs - atMs) < this.#deniedForMs) return "denied";
    this.#denied.delete(digest);
    return null;
  }

  keep(digest: string, verdict: Verdict, nowMs: number): void {
    if (verdict === "allowed") {
      this.#allowed.add(digest);
      if (this.#allowed.size > ALLOWED_MAX) this.#allowed.delete(this.#allowed.keys().next().value!);
    } else {
      this.#denied.set(digest, nowMs);
      if (this.#denied.size > DENIED_MAX) this.#denied.delete(this.#denied.keys().next().value!);
    }
  }

  clear(): void {
    this.#allowed.clear();
    this.#denied.clear();
  }
}
