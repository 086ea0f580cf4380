/** A figure as a section of docs/figures.md: where its values are from, its table, then its bars with their intervals, then its notes. */
import { type Bar, type BarState, type Figure, type FigureResult, stateOf } from "./figure.ts";

export function markdown({ title }: Figure, { columns, rows, provenance, bars, notes = [] }: FigureResult): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  const table = row(columns) + row(columns.map(() => "---")) + rows.map(row).join("");
  return `## ${title}\n\n${provenance}\n\n${table}\n${bars.map(judged).join("")}${notes.map((note) => `- ${note}\n`).join("")}`;
}

const SHOWN: Readonly<Record<BarState, string>> = { holds: "holds", uncertain: "uncertain", missed: "**MISSED**" };

function judged(bar: Bar): string {
  const { what, value, most, unit, interval = null } = bar;
  const digits = unit === "" ? 0 : 2;
  const spread = interval === null ? "" : ` [${interval.low.toFixed(digits)}-${interval.high.toFixed(digits)}]`;
  return `- ${SHOWN[stateOf(bar)]}: ${what}: ${[value.toFixed(digits) + spread, unit].join(" ").trimEnd()} (at most ${most.toFixed(digits)})\n`;
}
