/**
 * Name pattern: does a normalised project name fit "acme-*"? Shared by rules,
 * exemptions and pins. Not by a regular expression: "*a*a*a*a*b" would make
 * one take exponential time.
 */

/** Both normalised (PEP 503); "*" stands for any characters, none included. At most pattern times name steps. */
export function matchesName(pattern: string, name: string): boolean {
  let [inPattern, inName] = [0, 0];
  // Where to go on when what follows the last star doesn't fit: the star takes one character more.
  let [afterStar, starEnd] = [-1, 0];
  while (inName < name.length) {
    if (pattern[inPattern] === "*") {
      afterStar = ++inPattern;
      starEnd = inName;
    } else if (inPattern < pattern.length && pattern[inPattern] === name[inName]) {
      inPattern++;
      inName++;
    } else if (afterStar !== -1) {
      inPattern = afterStar;
      inName = ++starEnd;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === "*") inPattern++;
  return inPattern === pattern.length;
}

/** The first that fits. */
export function matchingName(patterns: readonly string[], name: string): string | null {
  return patterns.find((pattern) => matchesName(pattern, name)) ?? null;
}
