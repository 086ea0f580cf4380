/**
 * Recent map: what was used last, bounded. What was used longest ago goes first
 * when there are too many, or too much: of bytes, or of whatever the caller
 * weighs. The newest stays whatever it weighs: who finds one too heavy must not
 * put it here. What is older than an age is not there any more.
 */
export interface RecentLimits<Value> {
  readonly countMax?: number;
  /** Of all together, in the unit of `weigh`. */
  readonly weightMax?: number;
  /** Asked once, when the value is set. */
  weigh?(value: Value): number;
  readonly ageMaxMs?: number;
  /** What ages are measured by; the clock that never jumps unless told. */
  nowMs?(): number;
  /** It had to go, for what came after it. */
  onPushedOut?(value: Value): void;
}

interface Entry<Value> {
  readonly value: Value;
  readonly weight: number;
  readonly sinceMs: number;
}

export class RecentMap<Key, Value> {
  readonly #limits: RecentLimits<Value>;
  readonly #nowMs: () => number;
  /** Insertion order is order of use. */
  readonly #entries = new Map<Key, Entry<Value>>();
  #weight = 0;

  constructor(limits: RecentLimits<Value>) {
    this.#limits = limits;
    this.#nowMs = limits.nowMs ?? (() => performance.now());
  }

  get size(): number {
    return this.#entries.size;
  }

  get weight(): number {
    return this.#weight;
  }

  /** Counts as a use. */
  get(key: Key): Value | undefined {
    const entry = this.#current(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Counts as none: a hit costs one look-up and no write, for where that matters. */
  peek(key: Key): Value | undefined {
    return this.#current(key)?.value;
  }

  set(key: Key, value: Value): void {
    const { countMax = Number.POSITIVE_INFINITY, weightMax = Number.POSITIVE_INFINITY, ageMaxMs } = this.#limits;
    this.delete(key);
    const weight = this.#limits.weigh?.(value) ?? 0;
    this.#entries.set(key, { value, weight, sinceMs: ageMaxMs === undefined ? 0 : this.#nowMs() });
    this.#weight += weight;
    for (const [oldest, entry] of this.#entries) {
      if ((this.#entries.size <= countMax && this.#weight <= weightMax) || this.#entries.size === 1) return;
      this.delete(oldest);
      this.#limits.onPushedOut?.(entry.value);
    }
  }

  delete(key: Key): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#weight -= entry.weight;
  }

  /** Also of what is too old. */
  keys(): Iterable<Key> {
    return this.#entries.keys();
  }

  clear(): void {
    this.#entries.clear();
    this.#weight = 0;
  }

  #current(key: Key): Entry<Value> | undefined {
    const entry = this.#entries.get(key);
    const { ageMaxMs } = this.#limits;
    if (entry === undefined || ageMaxMs === undefined) return entry;
    const ageMs = this.#nowMs() - entry.sinceMs;
    // An age below zero is a clock that was put back: nothing may last for ever by that.
    if (ageMs >= 0 && ageMs < ageMaxMs) return entry;
    this.delete(key);
    return undefined;
  }
}
