/**
 * Arrived ranges: which bytes of a file are there, when several parts of it
 * come at once. Pure; few ranges at a time, so a sorted array is enough.
 */
export class ArrivedRanges {
  /** Sorted, apart from each other. */
  #ranges: { start: number; end: number }[] = [];

  /** Ends of ranges don't belong to them. */
  add(start: number, end: number): void {
    const kept = this.#ranges.filter((range) => range.end < start || range.start > end);
    const touched = this.#ranges.filter((range) => range.end >= start && range.start <= end);
    const merged = {
      start: Math.min(start, ...touched.map((range) => range.start)),
      end: Math.max(end, ...touched.map((range) => range.end)),
    };
    this.#ranges = [...kept, merged].sort((one, other) => one.start - other.start);
  }

  /** How many bytes from the very beginning are there without a gap. */
  get leadingBytes(): number {
    const first = this.#ranges[0];
    return first !== undefined && first.start === 0 ? first.end : 0;
  }

  /** What lies behind a gap counts no more. */
  keepLeading(): void {
    const { leadingBytes } = this;
    this.#ranges = leadingBytes === 0 ? [] : [{ start: 0, end: leadingBytes }];
  }

  clear(): void {
    this.#ranges = [];
  }
}
