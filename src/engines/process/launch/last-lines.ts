/**
 * Last lines: what a process wrote to standard error, kept for messages about
 * its end: the last few lines, and before them the first that looks like an
 * error. A runtime that gives up says why first, and then where, at length.
 */
const LINE_COUNT = 10;
const LINE_MAX_CHARS = 500;
/** Of no indentation: what is below a headline belongs to it. */
const LOOKS_LIKE_ERROR = /^\S.*(?:error|exception|panic|fatal|cannot|can't|not found|no such)/i;

export class LastLines {
  readonly #last: string[] = [];
  #count = 0;
  #firstError: { readonly number: number; readonly line: string } | null = null;

  add(line: string): void {
    const kept = line.slice(0, LINE_MAX_CHARS);
    this.#count++;
    if (this.#firstError === null && LOOKS_LIKE_ERROR.test(kept)) this.#firstError = { number: this.#count, line: kept };
    this.#last.push(kept);
    if (this.#last.length > LINE_COUNT) this.#last.shift();
  }

  /** "" when there are none. */
  text(): string {
    const first = this.#firstError;
    const isAbove = first !== null && first.number <= this.#count - this.#last.length;
    return [...(isAbove ? [first.line, "…"] : []), ...this.#last].join("\n");
  }
}
