/**
 * Plain text tables: columns padded to their widest cell, numbers to the
 * right, no trailing blanks, so that output pastes well and diffs well.
 */

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** Lines joined by "\n"; no heading when every title is empty. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const titles = columns.map((column) => column.title);
  const lines = titles.some((title) => title !== "") ? [titles, ...rows] : rows;
  const widths = columns.map((_, index) => Math.max(0, ...lines.map((line) => width(line[index] ?? ""))));
  return lines.map((line) => formatLine(columns, widths, line)).join("\n");
}

function formatLine(columns: readonly Column[], widths: readonly number[], cells: readonly string[]): string {
  const padded = columns.map((column, index) => {
    const cell = cells[index] ?? "";
    const blanks = " ".repeat(widths[index]! - width(cell));
    return column.align === "right" ? blanks + cell : cell + blanks;
  });
  return padded.join("  ").trimEnd();
}

/** Characters shown: colour sequences take no room. */
function width(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ESC begins a colour sequence.
  return text.replace(/\x1b\[\d+m/g, "").length;
}
