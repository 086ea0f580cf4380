/** Counts at most `countMax` + 1 places of `part` in a text: enough to know that it is too many. */
export function countOccurrences(text: string, part: string, countMax: number): number {
  let count = 0;
  for (let at = text.indexOf(part); at !== -1 && count <= countMax; at = text.indexOf(part, at + 1)) count++;
  return count;
}
