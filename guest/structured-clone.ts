/**
 * structuredClone of the HTML standard, section 2.7, for the types that exist
 * here. What can't be cloned (functions, symbols, weak collections, promises,
 * live streams) is refused by name; prototypes and accessors are not kept.
 */
import { Blob, File } from "./blob.ts";
import { DOMException } from "./dom-exception.ts";

const ERROR_TYPES: Readonly<Record<string, ErrorConstructor>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

export function structuredClone<Value>(value: Value, options: { transfer?: Iterable<unknown> } | null = {}): Value {
  const seen = new Map<object, unknown>();
  const transferred: ArrayBuffer[] = [];
  for (const item of options?.transfer ?? []) {
    if (!(item instanceof ArrayBuffer)) throw refusal("an object that is not transferable");
    if (item.detached || seen.has(item)) throw refusal("a buffer that is already transferred");
    seen.set(item, cloneBuffer(item));
    transferred.push(item);
  }
  const copy = clone(value, seen) as Value;
  // Only now: a refusal must leave the buffers whole.
  for (const buffer of transferred) buffer.transfer();
  return copy;
}

function clone(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value === "symbol") throw refusal("a symbol");
  if (typeof value === "function") throw refusal(`the function ${value.name || "(anonymous)"}`);
  if (typeof value !== "object" || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const copy = emptyCopy(value, seen);
  seen.set(value, copy);
  if (value instanceof Map) {
    for (const [key, item] of [...value]) (copy as Map<unknown, unknown>).set(clone(key, seen), clone(item, seen));
  } else if (value instanceof Set) {
    for (const item of [...value]) (copy as Set<unknown>).add(clone(item, seen));
  } else if (value instanceof Error) cloneErrorFields(value, copy as Error, seen);
  else if (Array.isArray(value) || isFieldsOnly(copy)) {
    for (const key of Object.keys(value)) setOwn(copy as object, key, clone((value as Record<string, unknown>)[key], seen));
  }
  return copy;
}

/** The copy without what it contains, so that cycles find it. */
function emptyCopy(value: object, seen: Map<object, unknown>): unknown {
  if (Array.isArray(value)) return new Array(value.length);
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof RegExp) return new RegExp(value.source, value.flags);
  if (value instanceof Map) return new Map();
  if (value instanceof Set) return new Set();
  if (value instanceof ArrayBuffer) {
    if (value.detached) throw refusal("a detached ArrayBuffer");
    return cloneBuffer(value);
  }
  if (ArrayBuffer.isView(value)) return cloneView(value, seen);
  if (value instanceof Boolean || value instanceof Number || value instanceof String || value instanceof BigInt)
    return Object(value.valueOf());
  if (value instanceof DOMException) return new DOMException(value.message, value.name);
  if (value instanceof Error) return new (ERROR_TYPES[value.name] ?? Error)();
  if (value instanceof File) return new File([value], value.name, { type: value.type, lastModified: value.lastModified });
  if (value instanceof Blob) return value.slice(0, value.size, value.type);
  if (isPlatformObject(value)) throw refusal(`a ${tagOf(value)}`);
  return {};
}

function cloneBuffer(buffer: ArrayBuffer): ArrayBuffer {
  if (!buffer.resizable) return buffer.slice(0);
  const copy = new ArrayBuffer(buffer.byteLength, { maxByteLength: buffer.maxByteLength });
  new Uint8Array(copy).set(new Uint8Array(buffer));
  return copy;
}

function cloneView(view: ArrayBufferView, seen: Map<object, unknown>): ArrayBufferView {
  const buffer = clone(view.buffer, seen) as ArrayBuffer;
  if (view instanceof DataView) return new DataView(buffer, view.byteOffset, view.byteLength);
  const array = view as Uint8Array;
  const Type = typeOfArray(array);
  return new Type(buffer, array.byteOffset, array.length);
}

/** The built-in type behind an array that may be of a subclass (Buffer clones as Uint8Array). */
function typeOfArray(array: Uint8Array): Uint8ArrayConstructor {
  const name = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get?.call(array) as string;
  return (globalThis as unknown as Record<string, Uint8ArrayConstructor>)[name] as Uint8ArrayConstructor;
}

function cloneErrorFields(error: Error, copy: Error, seen: Map<object, unknown>): void {
  if (error instanceof DOMException) return;
  const hide = (key: string, value: unknown) => Object.defineProperty(copy, key, { value, writable: true, configurable: true });
  const message = Object.getOwnPropertyDescriptor(error, "message");
  if (message !== undefined && "value" in message) hide("message", String(message.value));
  hide("stack", String(error.stack));
  if (Object.hasOwn(error, "cause")) hide("cause", clone(error.cause, seen));
}

function isFieldsOnly(copy: unknown): boolean {
  return Object.getPrototypeOf(copy) === Object.prototype;
}

/** Classes of the platform show their name as an inherited tag; a guest's own class may too, and is cloned as its fields. */
function isPlatformObject(value: object): boolean {
  const Type = (globalThis as unknown as Record<string, unknown>)[tagOf(value)];
  return typeof Type === "function" && Type !== Object && value instanceof (Type as new () => object);
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

function setOwn(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function refusal(what: string): DOMException {
  return new DOMException(`structuredClone: ${what} could not be cloned`, "DataCloneError");
}
