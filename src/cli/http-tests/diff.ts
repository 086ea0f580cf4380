/**
 * A line diff for test reports: "- " wanted, "+ " came, "  " both. Longest
 * common subsequence by table: bodies in tests are short, and longer ones are
 * cut, because nobody reads a diff of ten thousand lines.
 */
const LINE_MAX_COUNT = 400;

export function diffLines(wanted: string, actual: string): string {
  const from = wanted.split("\n").slice(0, LINE_MAX_COUNT);
  const to = actual.split("\n").slice(0, LINE_MAX_COUNT);
  const common = commonLengths(from, to);
  const lines: string[] = [];
  let row = 0;
  let column = 0;
  while (row < from.length || column < to.length) {
    if (row < from.length && column < to.length && from[row] === to[column]) {
      lines.push(`  ${from[row++]}`);
      column++;
    } else if (column >= to.length || (row < from.length && common[row + 1]![column]! >= common[row]![column + 1]!)) {
      lines.push(`- ${from[row++]}`);
    } else lines.push(`+ ${to[column++]}`);
  }
  return lines.join("\n");
}

/** table[i][j] is the length of the longest common subsequence of from[i..] and to[j..]. */
function commonLengths(from: readonly string[], to: readonly string[]): number[][] {
  const table = Array.from({ length: from.length + 1 }, () => new Array<number>(to.length + 1).fill(0));
  for (let row = from.length - 1; row >= 0; row--) {
    for (let column = to.length - 1; column >= 0; column--) {
      table[row]![column] =
        from[row] === to[column] ? table[row + 1]![column + 1]! + 1 : Math.max(table[row + 1]![column]!, table[row]![column + 1]!);
    }
  }
  return table;
}
