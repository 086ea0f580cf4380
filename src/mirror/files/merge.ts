/**
 * Merge: events of several sources as they come, each source at most one ahead
 * of the reader. A race over promises would leave a reaction on the slowest
 * source for every event of the others; a queue of what has settled does not.
 */
export type MergeStep<Item> =
  | { readonly kind: "item"; readonly source: AsyncIterator<Item>; readonly item: Item }
  | { readonly kind: "end"; readonly source: AsyncIterator<Item> }
  | { readonly kind: "error"; readonly source: AsyncIterator<Item>; readonly error: unknown };

export class Merge<Item> {
  readonly #open = new Set<AsyncIterator<Item>>();
  readonly #settled: MergeStep<Item>[] = [];
  #wake: (() => void) | null = null;
  /** Goes on only when the reader comes back: it may have changed what the source looks at. */
  #resting: AsyncIterator<Item> | null = null;

  add(source: AsyncIterator<Item>): void {
    this.#open.add(source);
    this.#advance(source);
  }

  /** Nothing more of this source is heard. Whatever it waits for, end that too: it is told to return only then. */
  drop(source: AsyncIterator<Item>): void {
    if (!this.#open.delete(source)) return;
    if (this.#resting === source) this.#resting = null;
    source.return?.().catch(() => {});
  }

  /** The next event of any source; null when all have ended. */
  async next(): Promise<MergeStep<Item> | null> {
    if (this.#resting !== null) this.#advance(this.#resting);
    this.#resting = null;
    while (this.#open.size > 0) {
      const step = this.#settled.shift();
      if (step === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (this.#open.has(step.source)) {
        if (step.kind === "item") this.#resting = step.source;
        else this.#open.delete(step.source);
        return step;
      }
    }
    return null;
  }

  #advance(source: AsyncIterator<Item>): void {
    source.next().then(
      ({ done, value }) => this.#settle(done === true ? { kind: "end", source } : { kind: "item", source, item: value as Item }),
      (error: unknown) => this.#settle({ kind: "error", source, error }),
    );
  }

  #settle(step: MergeStep<Item>): void {
    this.#settled.push(step);
    this.#wake?.();
    this.#wake = null;
  }
}
