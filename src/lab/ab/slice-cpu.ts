/**
 * What a process is charged for: its CPU time from the begin of its first slice
 * of load on, that between its slices too. A server that puts work off, to a
 * timer or a thread, does it while the other side is loaded, and would look
 * cheap. Only the opening of connections is left out: it is no part of a
 * request.
 */
export class SliceCpu {
  readonly #readUs: () => number;
  /** When it was last looked at; NaN before the first slice. */
  #lastUs = Number.NaN;
  #sliceUs = 0;
  #betweenUs = 0;

  constructor(readUs: () => number) {
    this.#readUs = readUs;
  }

  /** Connections are about to be opened. */
  open(): void {
    if (Number.isNaN(this.#lastUs)) this.begin();
    else this.close();
  }

  /** Connections are open: what is spent from now on is for requests. */
  begin(): void {
    this.#lastUs = this.#readUs();
  }

  /** The slice's own. */
  end(): number {
    const spentUs = this.#spend();
    this.#sliceUs += spentUs;
    return spentUs;
  }

  /** What was put off until now counts. */
  close(): void {
    this.#betweenUs += this.#spend();
  }

  get totalUs(): number {
    return this.#sliceUs + this.#betweenUs;
  }

  get betweenShare(): number {
    return this.totalUs === 0 ? 0 : this.#betweenUs / this.totalUs;
  }

  #spend(): number {
    const nowUs = this.#readUs();
    // The kernel's account may fall where it forgets a child.
    const spentUs = Math.max(0, nowUs - this.#lastUs);
    this.#lastUs = nowUs;
    return spentUs;
  }
}
