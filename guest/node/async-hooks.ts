/**
 * node:async_hooks: AsyncLocalStorage and AsyncResource. The engine offers no
 * hook for native await, so the bundler lowers async functions of bundles that
 * import this module to generators over promises, and Promise.prototype.then is
 * patched here, once, to run each reaction in the frame it was registered in.
 * Callbacks that the platform's own streams call run in no frame.
 */

/** The stores of every AsyncLocalStorage at one moment. Never changed, only replaced. */
type Frame = ReadonlyMap<AsyncLocalStorage<unknown>, unknown>;
type AnyFunction = (this: unknown, ...args: never[]) => unknown;

const ROOT: Frame = new Map();
let current: Frame = ROOT;

export class AsyncLocalStorage<Store = unknown> {
  readonly name: string | undefined;
  readonly #defaultValue: Store | undefined;
  #disabled = false;

  constructor(options: { name?: string; defaultValue?: Store } = {}) {
    this.name = options.name;
    this.#defaultValue = options.defaultValue;
  }

  static bind<Fn extends AnyFunction>(callback: Fn): Fn {
    return inFrame(current, callback);
  }

  static snapshot(): <Result, Args extends unknown[]>(callback: (...args: Args) => Result, ...args: Args) => Result {
    return inFrame(current, (callback: (...args: unknown[]) => unknown, ...args: unknown[]) => callback(...args)) as never;
  }

  getStore(): Store | undefined {
    return !this.#disabled && current.has(this as AsyncLocalStorage)
      ? (current.get(this as AsyncLocalStorage) as Store)
      : this.#defaultValue;
  }

  run<Result, Args extends unknown[]>(store: Store, callback: (...args: Args) => Result, ...args: Args): Result {
    this.#disabled = false;
    return runIn(withStore(this as AsyncLocalStorage, store), callback as never, undefined, args) as Result;
  }

  exit<Result, Args extends unknown[]>(callback: (...args: Args) => Result, ...args: Args): Result {
    const frame = new Map(current);
    frame.delete(this as AsyncLocalStorage);
    return runIn(frame, callback as never, undefined, args) as Result;
  }

  enterWith(store: Store): void {
    this.#disabled = false;
    // The job that runs now keeps the store; whatever the host starts next must not find it.
    if (depth === 0) then.call(resolved, leaveRoot);
    current = withStore(this as AsyncLocalStorage, store);
  }

  disable(): void {
    this.#disabled = true;
  }
}

export class AsyncResource {
  readonly type: string;
  readonly #frame: Frame = current;
  readonly #id = ++idCount;

  constructor(type: string) {
    if (typeof type !== "string") throw new TypeError("AsyncResource: the type must be a string");
    this.type = type;
  }

  static bind<Fn extends AnyFunction>(callback: Fn, type = callback.name || "bound-anonymous-fn", thisArgument?: unknown): Fn {
    return new AsyncResource(type).bind(callback, thisArgument);
  }

  runInAsyncScope<Result, Args extends unknown[]>(callback: (...args: Args) => Result, thisArgument?: unknown, ...args: Args): Result {
    return runIn(this.#frame, callback as never, thisArgument, args) as Result;
  }

  bind<Fn extends AnyFunction>(callback: Fn, thisArgument?: unknown): Fn {
    const frame = this.#frame;
    return function (this: unknown, ...args: unknown[]) {
      return runIn(frame, callback, thisArgument ?? this, args);
    } as unknown as Fn;
  }

  emitDestroy(): this {
    return this;
  }

  asyncId(): number {
    return this.#id;
  }

  triggerAsyncId(): number {
    return 0;
  }
}

export function executionAsyncId(): number {
  return 0;
}

export function triggerAsyncId(): number {
  return 0;
}

export function executionAsyncResource(): object {
  return {};
}

export function createHook(): never {
  throw new Error("async_hooks.createHook is not available in this sandbox: use AsyncLocalStorage");
}

export default { AsyncLocalStorage, AsyncResource, createHook, executionAsyncId, executionAsyncResource, triggerAsyncId };

let idCount = 0;
/** How many frames are entered on the stack: at 0 the host called us. */
let depth = 0;

function withStore(storage: AsyncLocalStorage, store: unknown): Frame {
  return new Map(current).set(storage, store);
}

function runIn(frame: Frame, callback: AnyFunction, thisArgument: unknown, args: readonly unknown[]): unknown {
  const outer = current;
  current = frame;
  depth++;
  try {
    return Reflect.apply(callback, thisArgument, args);
  } finally {
    depth--;
    current = outer;
  }
}

function inFrame<Fn extends AnyFunction>(frame: Frame, callback: Fn): Fn {
  return function (this: unknown, ...args: unknown[]) {
    return runIn(frame, callback, this, args);
  } as unknown as Fn;
}

function leaveRoot(): void {
  current = ROOT;
}

const then = Promise.prototype.then;
const resolve = Promise.resolve;
const resolved = Promise.resolve();

function carried(callback: unknown): unknown {
  return typeof callback === "function" ? inFrame(current, callback as AnyFunction) : callback;
}

function patch(target: object, name: string, value: AnyFunction): void {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
}

patch(Promise.prototype, "then", function (this: unknown, onFulfilled: unknown, onRejected: unknown) {
  return then.call(this as Promise<unknown>, carried(onFulfilled) as never, carried(onRejected) as never);
} as AnyFunction);

// A foreign thenable (a query builder, say) is started by the engine in a job
// of its own, which no reaction wraps: start it in a reaction instead.
patch(Promise, "resolve", function (this: unknown, value: unknown) {
  const isForeign = this === Promise && typeof value === "object" && value !== null && !(value instanceof Promise);
  const method = isForeign ? (value as { then?: unknown }).then : undefined;
  if (typeof method !== "function") return resolve.call(this as typeof Promise, value);
  return new Promise((fulfil, reject) => {
    then
      .call(
        resolved,
        inFrame(current, () => Reflect.apply(method, value, [fulfil, reject])),
      )
      .catch(reject);
  });
} as AnyFunction);

for (const name of ["queueMicrotask", "setTimeout", "setInterval", "setImmediate"]) {
  const original = (globalThis as unknown as Record<string, AnyFunction | undefined>)[name];
  if (original === undefined) continue;
  patch(globalThis, name, ((callback: unknown, ...rest: never[]) =>
    Reflect.apply(original, undefined, [carried(callback), ...rest])) as AnyFunction);
}
