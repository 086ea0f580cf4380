/**
 * Trap text: what V8 says when a guest ends by a trap, in the words of the
 * specification where it has any. The frames (names, when the module has a name
 * section) are for logs alone.
 */

const WORDS: readonly (readonly [RegExp, string])[] = [
  [/unreachable/, "unreachable"],
  [/Maximum call stack/, "call stack exhausted"],
  [/memory access out of bounds/, "out of bounds memory access"],
  [/table index is out of bounds|table access out of bounds/, "out of bounds table access"],
  [/divide by zero|remainder by zero/, "integer divide by zero"],
  [/divide result unrepresentable/, "integer overflow"],
  [/float unrepresentable/, "invalid conversion to integer"],
  [/null function or function signature mismatch|signature mismatch/, "indirect call type mismatch"],
  [/dereferencing a null/, "null reference"],
];

/** The guest's own frames, without those of the shim. */
export function guestFrames(text: string): string {
  const [first = "", ...frames] = text.split("\n");
  return [first, ...frames.filter((line) => line.includes("wasm://"))].join("\n");
}

/** One line for a message. */
export function trapSummary(text: string): string {
  const [first = ""] = text.split("\n", 1);
  const known = WORDS.find(([pattern]) => pattern.test(first));
  return known === undefined ? first.replace(/^(?:WebAssembly\.)?[A-Za-z]*Error: /, "") : known[1];
}
