/** A function that burns CPU in proportion to its argument: source text, for the servers that are made dearer and for its calibration. */
export const BURN = `let burnt = 1;
function burn(loops) {
  for (let at = 0; at < loops; at++) burnt = (Math.imul(burnt, 1664525) + 1013904223) | 0;
  return burnt;
}`;
