/**
 * AbortController and AbortSignal of the DOM standard, chapter 3. A signal made
 * by `any` is held weakly by its sources, one made by `timeout` weakly by its
 * timer, until somebody listens: what every request makes one of must go with
 * the request, and what is listened to must fire.
 */
import { DOMException } from "./dom-exception.ts";
import { defineHandlerAttribute, Event, EventTarget, isListened, LISTENERS_CHANGED } from "./events.ts";
import { setTimeout } from "./timers.ts";

const TIMEOUT_MAX_MS = 2 ** 53 - 1;
const SWEEP_EVERY = 64;

let make: () => AbortSignal;
let abortSignal: (signal: AbortSignal, reason: unknown) => void;

const CONSTRUCT = Symbol("made by this module");

/** Signals with a timer that somebody listens to, themselves or through `any`. */
const awaitedTimeouts = new Set<AbortSignal>();

export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason: unknown = undefined;
  #hasTimer = false;
  /** Signals this one was made of by `any`; plain signals have none. */
  #sources: readonly AbortSignal[] = [];
  #dependents: WeakRef<AbortSignal>[] | null = null;
  /** Dependents somebody listens to: they must live as long as this signal can fire. */
  #heard: Set<AbortSignal> | null = null;

  static {
    make = () => new AbortSignal(CONSTRUCT);
    abortSignal = (signal, reason) => signal.#abort(reason);
  }

  constructor(token?: symbol) {
    if (token !== CONSTRUCT) throw new TypeError("Illegal constructor");
    super();
  }

  static abort(reason: unknown = new DOMException("This operation was aborted", "AbortError")): AbortSignal {
    const signal = make();
    signal.#aborted = true;
    signal.#reason = reason;
    return signal;
  }

  static timeout(delayMs: number): AbortSignal {
    const wait = Number(delayMs);
    if (!(wait >= 0 && wait <= TIMEOUT_MAX_MS))
      throw new TypeError("AbortSignal.timeout: the delay must be a number of milliseconds, 0 or more");
    const signal = make();
    signal.#hasTimer = true;
    const weakly = new WeakRef(signal);
    setTimeout(() => {
      const target = weakly.deref();
      if (target !== undefined) target.#abort(new DOMException("The operation was aborted due to timeout", "TimeoutError"));
    }, wait);
    return signal;
  }

  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const given = [...signals];
    for (const signal of given) {
      if (!(signal instanceof AbortSignal)) throw new TypeError("AbortSignal.any: the argument is not a list of signals");
    }
    const joined = make();
    const aborted = given.find((signal) => signal.#aborted);
    if (aborted !== undefined) {
      joined.#aborted = true;
      joined.#reason = aborted.#reason;
      return joined;
    }
    // Joined signals are flattened: only plain ones can fire on their own.
    joined.#sources = [...new Set(given.flatMap((signal) => (signal.#sources.length > 0 ? signal.#sources : [signal])))];
    for (const source of joined.#sources) source.#addDependent(joined);
    return joined;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  override [LISTENERS_CHANGED](): void {
    const isHeard = !this.#aborted && (isListened(this, "abort") || (this.#heard !== null && this.#heard.size > 0));
    if (this.#hasTimer) {
      if (isHeard) awaitedTimeouts.add(this);
      else awaitedTimeouts.delete(this);
    }
    for (const source of this.#sources) {
      if (isHeard) {
        source.#heard ??= new Set();
        source.#heard.add(this);
      } else source.#heard?.delete(this);
      source[LISTENERS_CHANGED]();
    }
  }

  override get [Symbol.toStringTag](): string {
    return "AbortSignal";
  }

  #addDependent(joined: AbortSignal): void {
    this.#dependents ??= [];
    if (this.#dependents.length % SWEEP_EVERY === SWEEP_EVERY - 1) {
      this.#dependents = this.#dependents.filter((reference) => reference.deref() !== undefined);
    }
    this.#dependents.push(new WeakRef(joined));
  }

  #abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    const joined = (this.#dependents ?? []).map((reference) => reference.deref()).filter((signal) => signal?.aborted === false);
    this.#dependents = null;
    this.#heard = null;
    awaitedTimeouts.delete(this);
    // All are aborted before any listener runs, so that none sees half a state.
    for (const signal of joined) (signal as AbortSignal).#inherit(reason);
    this.dispatchEvent(new Event("abort"));
    for (const signal of joined) (signal as AbortSignal).dispatchEvent(new Event("abort"));
  }

  #inherit(reason: unknown): void {
    this.#aborted = true;
    this.#reason = reason;
    for (const source of this.#sources) source.#heard?.delete(this);
    this.#sources = [];
  }
}

defineHandlerAttribute(AbortSignal.prototype, "abort");

export class AbortController {
  readonly #signal = make();

  get signal(): AbortSignal {
    return this.#signal;
  }

  abort(reason: unknown = new DOMException("This operation was aborted", "AbortError")): void {
    abortSignal(this.#signal, reason);
  }

  get [Symbol.toStringTag](): string {
    return "AbortController";
  }
}
