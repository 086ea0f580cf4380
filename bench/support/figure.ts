/**
 * A figure: something we promised, measured beside what it is compared with.
 * It prints rows; the bar, where there is one, is stated and judged.
 */
export interface Figure {
  readonly name: string;
  readonly title: string;
  run(effort: Effort): Promise<FigureResult>;
}

export interface Effort {
  /** Fresh processes per side. */
  readonly rounds: number;
  readonly seconds: number;
}

export interface FigureResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly bars: readonly Bar[];
  readonly notes?: readonly string[];
}

export interface Bar {
  readonly what: string;
  readonly value: number;
  readonly most: number;
  readonly unit: string;
}

export function holds(bar: Bar): boolean {
  return bar.value <= bar.most;
}
