/**
 * node:assert: checks that throw AssertionError with both sides in the message.
 * The loose functions compare as Node's legacy mode does; `assert.strict` is
 * the same object with the strict ones in their place.
 */
import { isDeepEqual } from "./deep-equal.ts";
import { inspect } from "./util-inspect.ts";

type Message = string | Error | undefined;
type Expected = RegExp | ((error: unknown) => unknown) | Error | Record<string, unknown> | undefined;

export class AssertionError extends Error {
  override readonly name = "AssertionError";
  readonly code = "ERR_ASSERTION";
  readonly generatedMessage: boolean;
  readonly actual: unknown;
  readonly expected: unknown;
  readonly operator: string;

  constructor(options: { message?: string | undefined; actual?: unknown; expected?: unknown; operator?: string }) {
    super(options.message ?? `${inspect(options.actual)} ${options.operator} ${inspect(options.expected)}`);
    this.generatedMessage = options.message === undefined;
    this.actual = options.actual;
    this.expected = options.expected;
    this.operator = options.operator ?? "fail";
  }
}

function check(holds: boolean, actual: unknown, expected: unknown, message: Message, operator: string, headline: string): void {
  if (holds) return;
  if (message instanceof Error) throw message;
  const generated = `${headline}\n\n${inspect(actual)} !== ${inspect(expected)}\n`;
  const error = new AssertionError({ message: message ?? generated, actual, expected, operator });
  Object.defineProperty(error, "generatedMessage", { value: message === undefined });
  throw error;
}

export function ok(value: unknown, message?: Message): asserts value {
  check(Boolean(value), value, true, message, "==", "The expression evaluated to a falsy value:");
}

export function equal(actual: unknown, expected: unknown, message?: Message): void {
  // biome-ignore lint/suspicious/noDoubleEquals: what assert.equal is.
  const same = actual == expected || Object.is(actual, expected);
  check(same, actual, expected, message, "==", "Expected values to be loosely equal:");
}

export function notEqual(actual: unknown, expected: unknown, message?: Message): void {
  // biome-ignore lint/suspicious/noDoubleEquals: what assert.notEqual is.
  check(actual != expected, actual, expected, message, "!=", "Expected values to be loosely unequal:");
}

export function strictEqual(actual: unknown, expected: unknown, message?: Message): void {
  check(Object.is(actual, expected), actual, expected, message, "strictEqual", "Expected values to be strictly equal:");
}

export function notStrictEqual(actual: unknown, expected: unknown, message?: Message): void {
  check(!Object.is(actual, expected), actual, expected, message, "notStrictEqual", "Expected values to be strictly unequal:");
}

export function deepEqual(actual: unknown, expected: unknown, message?: Message): void {
  check(isDeepEqual(actual, expected, false), actual, expected, message, "deepEqual", "Expected values to be loosely deep-equal:");
}

export function notDeepEqual(actual: unknown, expected: unknown, message?: Message): void {
  check(!isDeepEqual(actual, expected, false), actual, expected, message, "notDeepEqual", "Expected values not to be loosely deep-equal:");
}

export function deepStrictEqual(actual: unknown, expected: unknown, message?: Message): void {
  check(isDeepEqual(actual, expected, true), actual, expected, message, "deepStrictEqual", "Expected values to be strictly deep-equal:");
}

export function notDeepStrictEqual(actual: unknown, expected: unknown, message?: Message): void {
  check(
    !isDeepEqual(actual, expected, true),
    actual,
    expected,
    message,
    "notDeepStrictEqual",
    "Expected values not to be strictly deep-equal:",
  );
}

export function match(text: string, pattern: RegExp, message?: Message): void {
  check(typeof text === "string" && pattern.test(text), text, pattern, message, "match", "The input did not match the regular expression:");
}

export function doesNotMatch(text: string, pattern: RegExp, message?: Message): void {
  check(typeof text === "string" && !pattern.test(text), text, pattern, message, "doesNotMatch", "The input was expected not to match:");
}

export function fail(message: Message = "Failed"): never {
  throw message instanceof Error ? message : new AssertionError({ message, operator: "fail" });
}

export function ifError(value: unknown): void {
  if (value === null || value === undefined) return;
  const what = value instanceof Error ? value.message : inspect(value);
  throw new AssertionError({ message: `ifError got unwanted exception: ${what}`, actual: value, expected: null, operator: "ifError" });
}

export function throws(action: () => unknown, expected?: Expected | string, message?: Message): void {
  let thrown: { error: unknown } | null = null;
  try {
    action();
  } catch (error) {
    thrown = { error };
  }
  checkThrown(thrown, expected, message, "throws", "Missing expected exception.");
}

export function doesNotThrow(action: () => unknown, message?: Message): void {
  try {
    action();
  } catch (error) {
    failUnwanted(error, message, "exception");
  }
}

export async function rejects(
  action: Promise<unknown> | (() => Promise<unknown>),
  expected?: Expected | string,
  message?: Message,
): Promise<void> {
  const promise = typeof action === "function" ? action() : action;
  const thrown = await promise.then(
    () => null,
    (error: unknown) => ({ error }),
  );
  checkThrown(thrown, expected, message, "rejects", "Missing expected rejection.");
}

export async function doesNotReject(action: Promise<unknown> | (() => Promise<unknown>), message?: Message): Promise<void> {
  await (typeof action === "function" ? action() : action).catch((error) => failUnwanted(error, message, "rejection"));
}

function failUnwanted(error: unknown, message: Message, what: string): never {
  if (message instanceof Error) throw message;
  const shown = error instanceof Error ? error.message : inspect(error);
  throw new AssertionError({
    message: message ?? `Got unwanted ${what}.\nActual message: "${shown}"`,
    actual: error,
    operator: "doesNotThrow",
  });
}

function checkThrown(
  thrown: { error: unknown } | null,
  expected: Expected | string,
  message: Message,
  operator: string,
  missing: string,
): void {
  const text = typeof expected === "string" ? expected : message;
  if (thrown === null) {
    if (text instanceof Error) throw text;
    throw new AssertionError({ message: text ?? missing, actual: undefined, expected, operator });
  }
  if (expected === undefined || typeof expected === "string" || isExpected(thrown.error, expected)) return;
  const { error } = thrown;
  const isClass = typeof expected === "function" && (expected === Error || Object.prototype.isPrototypeOf.call(Error, expected));
  const wrongClass = isClass && error instanceof Error ? instanceText(expected.name, error) : undefined;
  check(false, error, expected, text ?? wrongClass, operator, "The error is not the expected one:");
}

function instanceText(wanted: string, error: Error): string {
  const got = error.constructor.name;
  return `The error is expected to be an instance of "${wanted}". Received "${got}"\n\nError message:\n\n${error.message}`;
}

function isExpected(error: unknown, expected: Exclude<Expected, undefined>): boolean {
  if (expected instanceof RegExp) return expected.test(String(error));
  if (typeof expected === "function") {
    const isClass = expected.prototype !== undefined && error instanceof (expected as unknown as new () => object);
    if (isClass) return true;
    if (Object.prototype.isPrototypeOf.call(Error, expected)) return false;
    return (expected as (error: unknown) => unknown)(error) === true;
  }
  const fields = expected instanceof Error ? [...Object.keys(expected), "name", "message"] : Object.keys(expected);
  return fields.every((field) => {
    const actual = (error as Record<string, unknown> | null)?.[field];
    const wanted = (expected as unknown as Record<string, unknown>)[field];
    return wanted instanceof RegExp && typeof actual === "string" ? wanted.test(actual) : isDeepEqual(actual, wanted, true);
  });
}

const common = {
  AssertionError,
  deepStrictEqual,
  doesNotMatch,
  doesNotReject,
  doesNotThrow,
  fail,
  ifError,
  match,
  notDeepStrictEqual,
  notStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
};

export const strict = Object.assign((value: unknown, message?: Message): void => ok(value, message), common, {
  deepEqual: deepStrictEqual,
  equal: strictEqual,
  notDeepEqual: notDeepStrictEqual,
  notEqual: notStrictEqual,
});

const assert = Object.assign((value: unknown, message?: Message): void => ok(value, message), common, {
  deepEqual,
  equal,
  notDeepEqual,
  notEqual,
  strict,
});
Object.assign(strict, { strict });

export { assert };
export default assert;
