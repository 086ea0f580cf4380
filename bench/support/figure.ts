/**
 * A figure: something we promised, measured beside what it is compared with.
 * It prints rows; the bar, where there is one, is stated and judged.
 */
import type { Lab } from "./lab.ts";

export interface Figure {
  readonly name: string;
  readonly title: string;
  /** Where a record of it is kept, when not in docs/figures.md. */
  readonly document?: string;
  run(effort: Effort, lab: Lab): Promise<FigureResult>;
}

export interface Effort {
  /** Fresh processes per side. */
  readonly rounds: number;
  /** Of measured load on each process. */
  readonly seconds: number;
  /** At most; warm-up ends when CPU per request stops falling. */
  readonly warmUpSeconds: number;
  /** Of the functions, calls and runs that a figure is made of, and then also of the peers: below 1 only in tests. */
  readonly scale: number;
}

export interface FigureResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** One sentence: what the values are of, and how many processes gave them. */
  readonly provenance: string;
  readonly bars: readonly Bar[];
  readonly notes?: readonly string[];
}

export interface Bar {
  readonly what: string;
  readonly value: number;
  readonly most: number;
  readonly unit: string;
  /** 95% interval of the value, where the samples give one. */
  readonly interval?: { readonly low: number; readonly high: number } | null;
}

/** Uncertain where the interval contains the bar: another run might say otherwise. */
export type BarState = "holds" | "uncertain" | "missed";

export function stateOf({ value, most, interval = null }: Bar): BarState {
  if (interval !== null && interval.low <= most && interval.high > most) return "uncertain";
  return value <= most ? "holds" : "missed";
}

/** As many of them as the effort's scale wants, one at least. */
export function scaled(count: number, { scale }: Effort): number {
  return Math.max(1, Math.round(count * scale));
}
