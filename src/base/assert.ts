/**
 * Assertions state our own invariants. They stay on in production: a broken
 * invariant must stop the worker (the supervisor replaces it) before it
 * answers somebody with somebody else's data.
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}
