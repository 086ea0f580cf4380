/**
 * Event and EventTarget of the DOM standard, chapter 2, without a tree: a
 * target's path is itself. Listeners that throw don't stop the others; what
 * they threw is reported as an uncaught error.
 */

interface Listener {
  readonly type: string;
  readonly callback: EventListener;
  readonly capture: boolean;
  readonly once: boolean;
  readonly passive: boolean;
  removed: boolean;
}

export type EventListener = ((event: Event) => void) | { handleEvent(event: Event): void };

export interface EventInit {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
}

export interface ListenerOptions {
  capture?: boolean;
  once?: boolean;
  passive?: boolean;
  signal?: EventTarget & { readonly aborted: boolean };
}

/** What dispatch writes and scripts only read. */
interface EventState {
  target: EventTarget | null;
  isDispatching: boolean;
  stopped: boolean;
  stoppedAtOnce: boolean;
  canceled: boolean;
  inPassiveListener: boolean;
}

let stateOf: (event: Event) => EventState;

export class Event {
  static readonly NONE = 0;
  static readonly CAPTURING_PHASE = 1;
  static readonly AT_TARGET = 2;
  static readonly BUBBLING_PHASE = 3;

  readonly type: string;
  readonly bubbles: boolean;
  readonly cancelable: boolean;
  readonly composed: boolean;
  readonly timeStamp: number = Date.now();
  readonly #state: EventState = {
    target: null,
    isDispatching: false,
    stopped: false,
    stoppedAtOnce: false,
    canceled: false,
    inPassiveListener: false,
  };

  static {
    stateOf = (event) => event.#state;
  }

  constructor(type: string, init: EventInit | null = {}) {
    if (type === undefined) throw new TypeError("Event: a type is required");
    this.type = String(type);
    this.bubbles = Boolean(init?.bubbles);
    this.cancelable = Boolean(init?.cancelable);
    this.composed = Boolean(init?.composed);
  }

  get target(): EventTarget | null {
    return this.#state.target;
  }
  get srcElement(): EventTarget | null {
    return this.#state.target;
  }
  get currentTarget(): EventTarget | null {
    return this.#state.isDispatching ? this.#state.target : null;
  }
  get eventPhase(): number {
    return this.#state.isDispatching ? Event.AT_TARGET : Event.NONE;
  }
  get defaultPrevented(): boolean {
    return this.#state.canceled;
  }
  get returnValue(): boolean {
    return !this.#state.canceled;
  }
  get cancelBubble(): boolean {
    return this.#state.stopped;
  }
  set cancelBubble(stop: boolean) {
    if (stop) this.#state.stopped = true;
  }
  get isTrusted(): boolean {
    return false;
  }

  composedPath(): EventTarget[] {
    return this.currentTarget === null ? [] : [this.currentTarget];
  }
  preventDefault(): void {
    if (this.cancelable && !this.#state.inPassiveListener) this.#state.canceled = true;
  }
  stopPropagation(): void {
    this.#state.stopped = true;
  }
  stopImmediatePropagation(): void {
    this.#state.stopped = true;
    this.#state.stoppedAtOnce = true;
  }

  get [Symbol.toStringTag](): string {
    return "Event";
  }
}

export class CustomEvent extends Event {
  readonly detail: unknown;

  constructor(type: string, init: (EventInit & { detail?: unknown }) | null = {}) {
    super(type, init);
    this.detail = init?.detail ?? null;
  }
}

export class ErrorEvent extends Event {
  readonly message: string;
  readonly filename: string;
  readonly lineno: number;
  readonly colno: number;
  readonly error: unknown;

  constructor(
    type: string,
    init: EventInit & { message?: string; filename?: string; lineno?: number; colno?: number; error?: unknown } = {},
  ) {
    super(type, init);
    this.message = String(init.message ?? "");
    this.filename = String(init.filename ?? "");
    this.lineno = Number(init.lineno ?? 0);
    this.colno = Number(init.colno ?? 0);
    this.error = init.error;
  }
}

export class MessageEvent extends Event {
  readonly data: unknown;
  readonly origin: string;
  readonly lastEventId: string;

  constructor(type: string, init: EventInit & { data?: unknown; origin?: string; lastEventId?: string } = {}) {
    super(type, init);
    this.data = init.data ?? null;
    this.origin = String(init.origin ?? "");
    this.lastEventId = String(init.lastEventId ?? "");
  }
}

/** Called on a target whose listeners have changed: some must live as long as they are listened to. */
export const LISTENERS_CHANGED = Symbol("listeners changed");

export let isListened: (target: EventTarget, type: string) => boolean;

export class EventTarget {
  /** Replaced, never changed in place, so that a running dispatch keeps its own list. */
  #listeners: readonly Listener[] = [];

  static {
    isListened = (target, type) => target.#listeners.some((known) => known.type === type);
  }

  addEventListener(type: string, callback: EventListener | null, options: boolean | ListenerOptions = {}): void {
    const settings: ListenerOptions = typeof options === "object" && options !== null ? options : { capture: Boolean(options) };
    const { capture = false, once = false, passive = false, signal } = settings;
    if (signal?.aborted || callback === null || callback === undefined) return;
    if (typeof callback !== "function" && typeof callback !== "object") {
      throw new TypeError("addEventListener: the listener is neither a function nor an object");
    }
    const name = String(type);
    if (this.#find(name, callback, Boolean(capture)) !== undefined) return;
    const listener = { type: name, callback, capture: Boolean(capture), once: Boolean(once), passive: Boolean(passive), removed: false };
    this.#listeners = [...this.#listeners, listener];
    this[LISTENERS_CHANGED]();
    signal?.addEventListener("abort", () => this.#remove(listener), { once: true });
  }

  removeEventListener(type: string, callback: EventListener | null, options: boolean | { capture?: boolean } = {}): void {
    const capture = Boolean(typeof options === "object" && options !== null ? options.capture : options);
    const listener = callback === null ? undefined : this.#find(String(type), callback, capture);
    if (listener !== undefined) this.#remove(listener);
  }

  dispatchEvent(event: Event): boolean {
    if (!(event instanceof Event)) throw new TypeError("dispatchEvent: the argument is not an Event");
    const state = stateOf(event);
    if (state.isDispatching) throw new TypeError("dispatchEvent: the event is already being dispatched");
    state.isDispatching = true;
    state.target = this;
    // At the target, capturing listeners run first.
    const listeners = this.#listeners.filter(({ type }) => type === event.type);
    for (const listener of [...listeners.filter(({ capture }) => capture), ...listeners.filter(({ capture }) => !capture)]) {
      if (listener.removed) continue;
      if (state.stoppedAtOnce) break;
      if (listener.once) this.#remove(listener);
      state.inPassiveListener = listener.passive;
      call(listener.callback, this, event);
      state.inPassiveListener = false;
    }
    state.isDispatching = false;
    state.stopped = false;
    state.stoppedAtOnce = false;
    return !state.canceled;
  }

  #find(type: string, callback: EventListener, capture: boolean): Listener | undefined {
    return this.#listeners.find((known) => known.type === type && known.callback === callback && known.capture === capture);
  }

  #remove(listener: Listener): void {
    listener.removed = true;
    this.#listeners = this.#listeners.filter((known) => known !== listener);
    this[LISTENERS_CHANGED]();
  }

  [LISTENERS_CHANGED](): void {}

  get [Symbol.toStringTag](): string {
    return "EventTarget";
  }
}

function call(callback: EventListener, target: EventTarget, event: Event): void {
  try {
    if (typeof callback === "function") callback.call(target, event);
    else callback.handleEvent(event);
  } catch (error) {
    // An unhandled rejection is how this sandbox reports what nobody catches.
    void Promise.reject(error);
  }
}

/** The `on<type>` attribute of a target: a listener whose place is kept while its function changes. */
export function defineHandlerAttribute(prototype: EventTarget, type: string): void {
  const handlers = new WeakMap<EventTarget, { value: unknown }>();
  Object.defineProperty(prototype, `on${type}`, {
    configurable: true,
    enumerable: true,
    get(this: EventTarget) {
      return handlers.get(this)?.value ?? null;
    },
    set(this: EventTarget, value: unknown) {
      const handler = typeof value === "function" ? value : null;
      const known = handlers.get(this);
      if (known !== undefined) {
        known.value = handler;
        return;
      }
      const slot: { value: unknown } = { value: handler };
      handlers.set(this, slot);
      this.addEventListener(type, (event) => {
        if (typeof slot.value === "function") slot.value.call(this, event);
      });
    },
  });
}
