/** Turns: so many at once; further ones wait in the order in which they came. */
export class Turns {
  readonly #atOnceMax: number;
  readonly #line: (() => void)[] = [];
  #takenCount = 0;

  constructor(atOnceMax: number) {
    this.#atOnceMax = atOnceMax;
  }

  /** Resolves when it is this caller's turn; each has its `giveBack`. */
  take(): Promise<void> {
    if (this.#takenCount < this.#atOnceMax) {
      this.#takenCount++;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#line.push(resolve));
  }

  /** The place goes to the next in line, so that nobody comes between, or is free. */
  giveBack(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#takenCount--;
    else next();
  }

  async run<Value>(work: () => Promise<Value>): Promise<Value> {
    await this.take();
    try {
      return await work();
    } finally {
      this.giveBack();
    }
  }
}
