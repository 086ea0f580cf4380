/**
 * Spin budget: how long it is worth looking for an answer before sleeping. Pure:
 * it is told how long answers took and says how long to look for the next.
 * Sleeping and being woken costs both sides a system call and us a turn of the
 * loop, so an answer that comes sooner than that is cheaper to look for; one that
 * comes later costs what was spent looking on top, and is not looked for at all.
 */

/**
 * Later than this, looking never pays: about what sleeping and being woken costs in CPU. With 50 a warm Python function,
 * which takes longer than that, cost 6 to 10 us of CPU more a request.
 */
export const SPIN_MAX_US = 15;
/** Of the average, what the last answer counts for: some ten answers are remembered. */
const WEIGHT = 1 / 8;
/** Answers scatter: twice the average meets most. */
const MARGIN = 2;

export class SpinBudget {
  #averageUs = SPIN_MAX_US / MARGIN;

  /** Of the time that looking for the next answer may take; 0: sleep at once. */
  get us(): number {
    return this.#averageUs > SPIN_MAX_US ? 0 : Math.min(SPIN_MAX_US, this.#averageUs * MARGIN);
  }

  /** An answer came after so long. */
  answered(waitUs: number): void {
    // One late answer is forgotten as soon as any other.
    this.#averageUs += (Math.min(waitUs, 4 * SPIN_MAX_US) - this.#averageUs) * WEIGHT;
  }
}
