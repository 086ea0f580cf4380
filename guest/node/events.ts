/**
 * node:events. EventEmitter is a plain constructor function, not a class:
 * older packages call it on their own object (`EventEmitter.call(this)`).
 */
import { argumentError } from "./argument-error.ts";

type Name = string | symbol;
type Listener = ((...args: unknown[]) => unknown) & { listener?: Listener };

interface Emitter {
  _events: Map<Name, Listener[]> | undefined;
  _maxListeners: number | undefined;
}

const DEFAULT_MAX_LISTENERS = 10;
const errorMonitor = Symbol("events.errorMonitor");
const captureRejectionSymbol = Symbol.for("nodejs.rejection");

interface EventEmitterStatic {
  new (options?: object): EventEmitterInstance;
  prototype: EventEmitterInstance;
  defaultMaxListeners: number;
  [name: string]: unknown;
}

type EventEmitterInstance = typeof methods;

export const EventEmitter = function (this: Emitter): void {
  // Inherited state would be shared by all objects of a prototype that is itself an emitter.
  if (!Object.hasOwn(this, "_events")) this._events = new Map();
} as unknown as EventEmitterStatic;

const methods = {
  on(name: Name, listener: Listener) {
    return add(this, name, listener, false);
  },
  addListener(name: Name, listener: Listener) {
    return add(this, name, listener, false);
  },
  prependListener(name: Name, listener: Listener) {
    return add(this, name, listener, true);
  },
  once(name: Name, listener: Listener) {
    return add(this, name, onceWrapper(this, name, listener), false);
  },
  prependOnceListener(name: Name, listener: Listener) {
    return add(this, name, onceWrapper(this, name, listener), true);
  },
  off(name: Name, listener: Listener) {
    return remove(this, name, listener);
  },
  removeListener(name: Name, listener: Listener) {
    return remove(this, name, listener);
  },
  removeAllListeners(name?: Name) {
    const events = eventsOf(this);
    for (const key of name === undefined ? [...events.keys()] : [name]) {
      if (name === undefined && key === "removeListener" && events.size > 1) continue;
      for (const listener of (events.get(key) ?? []).slice().reverse()) remove(this, key, listener);
    }
    if (name === undefined) events.clear();
    return this;
  },
  emit(name: Name, ...args: unknown[]): boolean {
    const events = eventsOf(this);
    if (name === "error") {
      for (const listener of events.get(errorMonitor) ?? []) Reflect.apply(listener, this, args);
    }
    const listeners = events.get(name);
    if (listeners === undefined || listeners.length === 0) {
      if (name === "error") throw unhandled(args[0]);
      return false;
    }
    // A copy: listeners may remove themselves and each other meanwhile.
    for (const listener of listeners.slice()) Reflect.apply(listener, this, args);
    return true;
  },
  listeners(name: Name): Listener[] {
    return (eventsOf(this).get(name) ?? []).map((listener) => listener.listener ?? listener);
  },
  rawListeners(name: Name): Listener[] {
    return (eventsOf(this).get(name) ?? []).slice();
  },
  listenerCount(name: Name, listener?: Listener): number {
    const listeners = eventsOf(this).get(name) ?? [];
    return listener === undefined
      ? listeners.length
      : listeners.filter((known) => known === listener || known.listener === listener).length;
  },
  eventNames(): Name[] {
    return [...eventsOf(this).keys()];
  },
  setMaxListeners(count: number) {
    (this as unknown as Emitter)._maxListeners = count;
    return this;
  },
  getMaxListeners(): number {
    return (this as unknown as Emitter)._maxListeners ?? EventEmitter.defaultMaxListeners;
  },
};

for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(EventEmitter.prototype, name, { value, writable: true, configurable: true, enumerable: true });
}

/** Emitters made without the constructor (Object.create, mixins) get their state on first use. */
function eventsOf(emitter: object): Map<Name, Listener[]> {
  const state = emitter as Emitter;
  if (!Object.hasOwn(state, "_events") || state._events === undefined) {
    Object.defineProperty(state, "_events", { value: new Map(), writable: true, configurable: true, enumerable: false });
  }
  return state._events as Map<Name, Listener[]>;
}

function add<Self extends object>(emitter: Self, name: Name, listener: Listener, first: boolean): Self {
  if (typeof listener !== "function") throw argumentError("listener", "function", listener);
  const events = eventsOf(emitter);
  // Before it is added, so that a listener for "newListener" does not hear of itself.
  if (events.has("newListener")) (emitter as unknown as EventEmitterInstance).emit("newListener", name, listener.listener ?? listener);
  const listeners = events.get(name);
  if (listeners === undefined) events.set(name, [listener]);
  else if (first) listeners.unshift(listener);
  else listeners.push(listener);
  return emitter;
}

function remove<Self extends object>(emitter: Self, name: Name, listener: Listener): Self {
  const events = eventsOf(emitter);
  const listeners = events.get(name) ?? [];
  const at = listeners.findLastIndex((known) => known === listener || known.listener === listener);
  if (at === -1) return emitter;
  if (listeners.length === 1) events.delete(name);
  else listeners.splice(at, 1);
  if (events.has("removeListener"))
    (emitter as unknown as EventEmitterInstance).emit("removeListener", name, listener.listener ?? listener);
  return emitter;
}

function onceWrapper(emitter: object, name: Name, listener: Listener): Listener {
  if (typeof listener !== "function") throw argumentError("listener", "function", listener);
  const wrapper: Listener = function (this: unknown, ...args) {
    remove(emitter, name, wrapper);
    return Reflect.apply(listener, this, args);
  };
  wrapper.listener = listener;
  return wrapper;
}

function unhandled(error: unknown): Error {
  if (error instanceof Error) return error;
  return Object.assign(new Error(`Unhandled error. (${String(error)})`), { code: "ERR_UNHANDLED_ERROR", context: error });
}

interface Target {
  addEventListener?(name: Name, listener: Listener, options?: object): void;
  removeEventListener?(name: Name, listener: Listener): void;
}

function listen(target: object, name: Name, listener: Listener): () => void {
  const eventTarget = target as Target;
  if (eventTarget.addEventListener !== undefined) {
    eventTarget.addEventListener(name, listener);
    return () => eventTarget.removeEventListener?.(name, listener);
  }
  (target as EventEmitterInstance).on(name, listener);
  return () => void (target as EventEmitterInstance).off(name, listener);
}

interface Waiting {
  signal?: { aborted: boolean; reason: unknown; addEventListener(name: string, listener: () => void, options?: object): void };
}

/** The arguments of the next `name` event; rejects with the first "error". */
export function once(target: object, name: Name, { signal }: Waiting = {}): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const stops: (() => void)[] = [];
    const finish = (settle: () => void): void => {
      for (const stop of stops) stop();
      settle();
    };
    if (signal?.aborted) return reject(signal.reason);
    signal?.addEventListener("abort", () => finish(() => reject(signal.reason)), { once: true });
    stops.push(listen(target, name, (...args) => finish(() => resolve(args))));
    if (name !== "error") stops.push(listen(target, "error", (error) => finish(() => reject(error))));
  });
}

/** Every `name` event as an async iterator, until "error", abort or return. */
export async function* on(target: object, name: Name, { signal }: Waiting = {}): AsyncGenerator<unknown[]> {
  const queue: unknown[][] = [];
  let failure: { error: unknown } | null = signal?.aborted ? { error: signal.reason } : null;
  let wake: () => void = () => {};
  const fail = (error: unknown): void => {
    failure = { error };
    wake();
  };
  signal?.addEventListener("abort", () => fail(signal.reason), { once: true });
  const stops = [
    listen(target, name, (...args) => {
      queue.push(args);
      wake();
    }),
    listen(target, "error", fail),
  ];
  try {
    for (;;) {
      const next = queue.shift();
      if (next !== undefined) yield next;
      else if (failure !== null) throw (failure as { error: unknown }).error;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    for (const stop of stops) stop();
  }
}

export function listenerCount(emitter: EventEmitterInstance, name: Name): number {
  return emitter.listenerCount(name);
}

export function getEventListeners(emitter: EventEmitterInstance, name: Name): Listener[] {
  return emitter.listeners(name);
}

export function setMaxListeners(count: number, ...targets: EventEmitterInstance[]): void {
  if (targets.length === 0) EventEmitter.defaultMaxListeners = count;
  for (const target of targets) target.setMaxListeners?.(count);
}

export const defaultMaxListeners = DEFAULT_MAX_LISTENERS;
export { captureRejectionSymbol, errorMonitor };

Object.assign(EventEmitter, {
  EventEmitter,
  captureRejectionSymbol,
  captureRejections: false,
  default: EventEmitter,
  defaultMaxListeners,
  errorMonitor,
  getEventListeners,
  listenerCount,
  on,
  once,
  setMaxListeners,
});

export default EventEmitter;
