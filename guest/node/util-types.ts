/**
 * node:util/types: what a value is, by its internal slots where the language
 * lets us ask and by its tag where it doesn't.
 */

const typedArrayTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get as () => string;

/** Calls a built-in that throws unless its receiver has the slot. */
function hasSlot(method: unknown): (value: unknown) => boolean {
  return (value) => {
    try {
      Reflect.apply(method as () => unknown, value, []);
      return true;
    } catch {
      return false;
    }
  };
}

function hasTag(...tags: string[]): (value: unknown) => boolean {
  return (value) => tags.includes(Object.prototype.toString.call(value).slice(8, -1));
}

function getterOf(prototype: object, name: PropertyKey): unknown {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get;
}

function isArrayOf(name: string): (value: unknown) => boolean {
  return (value) => typedArrayTag.call(value as Uint8Array) === name;
}

/** A wrapper object is an object: the primitive itself is not one. */
function isBoxed(unwrap: unknown): (value: unknown) => boolean {
  const test = hasSlot(unwrap);
  return (value) => typeof value === "object" && test(value);
}

export const isDate = hasSlot(Date.prototype.getTime);
export const isMap = hasSlot(getterOf(Map.prototype, "size"));
export const isSet = hasSlot(getterOf(Set.prototype, "size"));
export const isArrayBuffer = hasSlot(getterOf(ArrayBuffer.prototype, "byteLength"));
export const isAnyArrayBuffer = (value: unknown): boolean => isArrayBuffer(value) || isSharedArrayBuffer(value);
export const isSharedArrayBuffer = hasTag("SharedArrayBuffer");
export const isDataView = hasSlot(getterOf(DataView.prototype, "byteLength"));
export const isWeakMap = (value: unknown): boolean => value instanceof WeakMap;
export const isWeakSet = (value: unknown): boolean => value instanceof WeakSet;
export const isPromise = (value: unknown): boolean => value instanceof Promise;
export const isRegExp = (value: unknown): boolean => Object.prototype.toString.call(value) === "[object RegExp]" && value instanceof RegExp;
export const isNativeError = (value: unknown): boolean => (Error as unknown as { isError(value: unknown): boolean }).isError(value);
export const isArgumentsObject = hasTag("Arguments");
export const isAsyncFunction = hasTag("AsyncFunction", "AsyncGeneratorFunction");
export const isGeneratorFunction = hasTag("GeneratorFunction", "AsyncGeneratorFunction");
export const isGeneratorObject = hasTag("Generator", "AsyncGenerator");
export const isMapIterator = hasTag("Map Iterator");
export const isSetIterator = hasTag("Set Iterator");
export const isModuleNamespaceObject = hasTag("Module");
export const isCryptoKey = hasTag("CryptoKey");
export const isNumberObject = isBoxed(Number.prototype.valueOf);
export const isStringObject = isBoxed(String.prototype.valueOf);
export const isBooleanObject = isBoxed(Boolean.prototype.valueOf);
export const isBigIntObject = isBoxed(BigInt.prototype.valueOf);
export const isSymbolObject = isBoxed(Symbol.prototype.valueOf);
export const isBoxedPrimitive = (value: unknown): boolean =>
  isNumberObject(value) || isStringObject(value) || isBooleanObject(value) || isBigIntObject(value) || isSymbolObject(value);
export const isArrayBufferView = (value: unknown): boolean => ArrayBuffer.isView(value);
export const isTypedArray = (value: unknown): boolean => ArrayBuffer.isView(value) && !isDataView(value);
export const isUint8Array = isArrayOf("Uint8Array");
export const isUint8ClampedArray = isArrayOf("Uint8ClampedArray");
export const isUint16Array = isArrayOf("Uint16Array");
export const isUint32Array = isArrayOf("Uint32Array");
export const isInt8Array = isArrayOf("Int8Array");
export const isInt16Array = isArrayOf("Int16Array");
export const isInt32Array = isArrayOf("Int32Array");
export const isFloat32Array = isArrayOf("Float32Array");
export const isFloat64Array = isArrayOf("Float64Array");
export const isBigInt64Array = isArrayOf("BigInt64Array");
export const isBigUint64Array = isArrayOf("BigUint64Array");
/** The language hides a Proxy on purpose; nothing here can see one. */
export const isProxy = (_value: unknown): boolean => false;
export const isExternal = (_value: unknown): boolean => false;
