/**
 * Deep equality as node:assert and util.isDeepStrictEqual have it: strict by
 * Object.is, prototype and own symbols; loose by == and without prototypes.
 */
import { isBoxedPrimitive, isDate, isMap, isNativeError, isRegExp, isSet } from "./util-types.ts";

type Pairs = Map<object, object>;

export function isDeepEqual(a: unknown, b: unknown, strict: boolean): boolean {
  return equal(a, b, strict, new Map());
}

function equal(a: unknown, b: unknown, strict: boolean, seen: Pairs): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) {
    // biome-ignore lint/suspicious/noDoubleEquals: the loose comparison of assert.deepEqual.
    return !strict && typeof a !== "object" && typeof b !== "object" && a == b;
  }
  if (strict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (Object.prototype.toString.call(a) !== Object.prototype.toString.call(b)) return false;
  // A pair that is being compared further up is taken as equal: a difference shows elsewhere.
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  const same = sameContent(a, b, strict, seen) && sameFields(a, b, strict, seen);
  seen.delete(a);
  return same;
}

/** What objects hold beside their fields. */
function sameContent(a: object, b: object, strict: boolean, seen: Pairs): boolean {
  if (isDate(a)) return Object.is((a as Date).getTime(), (b as Date).getTime());
  if (isRegExp(a)) return String(a) === String(b) && (a as RegExp).lastIndex === (b as RegExp).lastIndex;
  if (isNativeError(a)) return (a as Error).message === (b as Error).message && (a as Error).name === (b as Error).name;
  if (isBoxedPrimitive(a)) return Object.is(a.valueOf(), b.valueOf());
  if (isMap(a)) return sameMap(a as Map<unknown, unknown>, b as Map<unknown, unknown>, strict, seen);
  if (isSet(a)) return sameSet(a as Set<unknown>, b as Set<unknown>, strict, seen);
  if (a instanceof ArrayBuffer) return sameBytes(new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
  if (ArrayBuffer.isView(a)) return sameBytes(bytesOf(a), bytesOf(b as ArrayBufferView));
  return !Array.isArray(a) || a.length === (b as unknown[]).length;
}

function sameFields(a: object, b: object, strict: boolean, seen: Pairs): boolean {
  if (ArrayBuffer.isView(a)) return true;
  const keys = fieldsOf(a, strict);
  if (keys.length !== fieldsOf(b, strict).length) return false;
  return keys.every(
    (key) => Object.prototype.propertyIsEnumerable.call(b, key) && equal(Reflect.get(a, key), Reflect.get(b, key), strict, seen),
  );
}

function fieldsOf(value: object, strict: boolean): PropertyKey[] {
  const symbols = strict ? Object.getOwnPropertySymbols(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key)) : [];
  return [...Object.keys(value), ...symbols];
}

function sameMap(a: Map<unknown, unknown>, b: Map<unknown, unknown>, strict: boolean, seen: Pairs): boolean {
  if (a.size !== b.size) return false;
  const left = new Set(b.keys());
  return [...a].every(([key, value]) => {
    const match = findEqual(left, key, strict, seen, (candidate) => equal(value, b.get(candidate), strict, seen));
    return match !== undefined && left.delete(match.value);
  });
}

function sameSet(a: Set<unknown>, b: Set<unknown>, strict: boolean, seen: Pairs): boolean {
  if (a.size !== b.size) return false;
  const left = new Set(b);
  return [...a].every((value) => {
    const match = findEqual(left, value, strict, seen, () => true);
    return match !== undefined && left.delete(match.value);
  });
}

/** The candidate itself when it is there (nearly always), else one that equals it. */
function findEqual(
  left: Set<unknown>,
  wanted: unknown,
  strict: boolean,
  seen: Pairs,
  accept: (value: unknown) => boolean,
): { value: unknown } | undefined {
  if (left.has(wanted) && accept(wanted)) return { value: wanted };
  for (const value of left) if (equal(wanted, value, strict, seen) && accept(value)) return { value };
  return undefined;
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
