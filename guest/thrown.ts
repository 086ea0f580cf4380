/**
 * Thrown: what was thrown, in words for the host's log. It may be hostile:
 * null, a Proxy, an object whose getters throw. Nothing here throws.
 */

/** The host keeps this much of what an error says. */
const DESCRIPTION_MAX = 64 * 1024;

export interface Described {
  readonly message: string;
  readonly stack: string;
}

export function describe(error: unknown): Described {
  const { message, stack } = describeWhole(error);
  return { message: cut(message), stack: cut(stack) };
}

/** What a value is called in a message about it. */
export function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? "an object that is no Response" : `a ${typeof value}`;
}

function describeWhole(error: unknown): Described {
  try {
    if (error instanceof Error) {
      const cause = error.cause === undefined ? null : describeWhole(error.cause);
      const causedBy = cause === null ? "" : `\nCaused by: ${cause.stack || cause.message}`;
      return { message: `${error.name}: ${error.message}`, stack: `${error.stack ?? ""}${causedBy}` };
    }
    return { message: `Thrown: ${typeof error === "string" ? error : nameOf(error)}`, stack: "" };
  } catch {
    return { message: "Thrown: a value that can't be shown", stack: "" };
  }
}

function cut(text: string): string {
  return text.length > DESCRIPTION_MAX ? text.slice(0, DESCRIPTION_MAX) : text;
}
