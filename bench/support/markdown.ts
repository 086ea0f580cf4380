/** A figure as a section of docs/figures.md: its table, then its bars with their intervals, then its notes. */
import { type Bar, type Figure, type FigureResult, holds } from "./figure.ts";

export function markdown({ title }: Figure, { columns, rows, bars, notes = [] }: FigureResult): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  const table = row(columns) + row(columns.map(() => "---")) + rows.map(row).join("");
  return `## ${title}\n\n${table}\n${bars.map(judged).join("")}${notes.map((note) => `- ${note}\n`).join("")}`;
}

function judged(bar: Bar): string {
  const { what, value, most, unit, interval = null } = bar;
  const digits = unit === "" ? 0 : 2;
  const spread = interval === null ? "" : ` [${interval.low.toFixed(digits)}-${interval.high.toFixed(digits)}]`;
  return `- ${holds(bar) ? "holds" : "**MISSED**"}: ${what}: ${[value.toFixed(digits) + spread, unit].join(" ").trimEnd()} (at most ${most.toFixed(digits)})\n`;
}
