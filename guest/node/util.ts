/**
 * node:util: the functions packages really call. What Node deprecates and
 * JavaScript has itself (isArray, isString …) is kept where it costs a line.
 */
import { argumentError } from "./argument-error.ts";
import { isDeepEqual } from "./deep-equal.ts";
import { format, formatWithOptions, inspect } from "./util-inspect.ts";
import * as types from "./util-types.ts";

declare const console: { warn(...values: unknown[]): void };
declare const TextEncoder: typeof import("../encoding.ts").TextEncoder;
declare const TextDecoder: typeof import("../encoding.ts").TextDecoder;

type AnyFunction = (this: unknown, ...args: never[]) => unknown;
type Callback = (error: unknown, value?: unknown) => void;

const customPromisify = Symbol.for("nodejs.util.promisify.custom");
const PlatformTextEncoder = TextEncoder;
const PlatformTextDecoder = TextDecoder;
/** CSI and OSC sequences, as terminals read them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes.
const CONTROL_SEQUENCE = /[\u001b\u009b](?:\][^\u0007]*\u0007|[[\]()#;?]*(?:\d{1,4}(?:[;:]\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~])/g;
const STYLES: Readonly<Record<string, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  italic: [3, 23],
  underline: [4, 24],
  inverse: [7, 27],
  strikethrough: [9, 29],
  black: [30, 39],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
  white: [37, 39],
  gray: [90, 39],
  grey: [90, 39],
};

export function promisify(original: AnyFunction): AnyFunction {
  requireFunction(original, "original");
  const known = (original as unknown as Record<symbol, unknown>)[customPromisify];
  if (typeof known === "function") return known as AnyFunction;
  const promised = function (this: unknown, ...args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const callback: Callback = (error, value) => (error ? reject(error) : resolve(value));
      Reflect.apply(original, this, [...args, callback]);
    });
  };
  Object.setPrototypeOf(promised, Object.getPrototypeOf(original));
  return Object.defineProperties(promised, Object.getOwnPropertyDescriptors(original)) as AnyFunction;
}
promisify.custom = customPromisify;

export function callbackify(original: AnyFunction): (...args: unknown[]) => void {
  requireFunction(original, "original");
  return function (this: unknown, ...args: unknown[]): void {
    const callback = args.pop() as Callback;
    requireFunction(callback, "last argument");
    const settle = (...outcome: [unknown, unknown?]) => Promise.resolve().then(() => callback(...outcome));
    (Reflect.apply(original, this, args) as Promise<unknown>).then(
      (value) => settle(null, value),
      // A falsy reason would read as success.
      (reason) =>
        settle(
          reason || Object.assign(new Error("Promise was rejected with a falsy value"), { reason, code: "ERR_FALSY_VALUE_REJECTION" }),
        ),
    );
  };
}

export function inherits(Class: AnyFunction, superConstructor: AnyFunction): void {
  Object.defineProperty(Class, "super_", { value: superConstructor, writable: true, configurable: true });
  Object.setPrototypeOf(Class.prototype, superConstructor.prototype);
}

export function deprecate<Fn extends AnyFunction>(original: Fn, message: string, code?: string): Fn {
  let warned = false;
  return function (this: unknown, ...args: unknown[]): unknown {
    if (!warned) console.warn(`DeprecationWarning: ${code === undefined ? "" : `[${code}] `}${message}`);
    warned = true;
    return new.target === undefined ? Reflect.apply(original, this, args) : Reflect.construct(original, args, new.target);
  } as unknown as Fn;
}

export function isDeepStrictEqual(a: unknown, b: unknown): boolean {
  return isDeepEqual(a, b, true);
}

/** No NODE_DEBUG here: sections are always off. */
export function debuglog(_section: string): ((...values: unknown[]) => void) & { enabled: boolean } {
  return Object.assign(() => {}, { enabled: false });
}
export const debug = debuglog;

export function stripVTControlCharacters(text: string): string {
  return text.replace(CONTROL_SEQUENCE, "");
}

/** Plain by default: what a function writes goes to a log, not to a terminal. */
export function styleText(format: string | readonly string[], text: string, { validateStream = true } = {}): string {
  return [format].flat().reduceRight((styled, name) => {
    const style = STYLES[name];
    if (style === undefined)
      throw Object.assign(new TypeError(`styleText: the format ${JSON.stringify(name)} is not known`), { code: "ERR_INVALID_ARG_VALUE" });
    return validateStream ? styled : `\u001b[${style[0]}m${styled}\u001b[${style[1]}m`;
  }, text);
}

export function toUSVString(text: unknown): string {
  return String(text).toWellFormed();
}

/** Settles when the signal aborts; the resource keeps nothing alive here. */
export function aborted(signal: {
  aborted: boolean;
  addEventListener(type: string, listener: () => void, options: object): void;
}): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

export const { isArray } = Array;
export const isRegExp = types.isRegExp;
export const isDate = types.isDate;
export const isError = types.isNativeError;
export const isFunction = (value: unknown): boolean => typeof value === "function";
export const isString = (value: unknown): boolean => typeof value === "string";
export const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
export const isUndefined = (value: unknown): boolean => value === undefined;

export function _extend<Target extends object>(target: Target, source: unknown): Target {
  return typeof source === "object" && source !== null ? Object.assign(target, source) : target;
}

function requireFunction(value: unknown, name: string): void {
  if (typeof value !== "function") throw argumentError(name, "function", value);
}

export { format, formatWithOptions, inspect, PlatformTextDecoder as TextDecoder, PlatformTextEncoder as TextEncoder, types };

export default {
  TextDecoder: PlatformTextDecoder,
  TextEncoder: PlatformTextEncoder,
  _extend,
  aborted,
  callbackify,
  debug,
  debuglog,
  deprecate,
  format,
  formatWithOptions,
  inherits,
  inspect,
  isArray,
  isDate,
  isDeepStrictEqual,
  isError,
  isFunction,
  isObject,
  isRegExp,
  isString,
  isUndefined,
  promisify,
  stripVTControlCharacters,
  styleText,
  toUSVString,
  types,
};
