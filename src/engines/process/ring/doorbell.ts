/**
 * Doorbell: when one side of a ring stays awake and when it sleeps, and the byte
 * on the connection that wakes it (docs/process-protocol.md, "Doorbell"). Awake
 * it looks once in each turn of the event loop, after what else there is to do,
 * so that nobody waits for it; and only while answers are expected and come soon
 * (spin-budget.ts). Asleep it costs nothing.
 */
import type { Duplex } from "node:stream";
import type { RingConsumer } from "./ring-consumer.ts";
import { SpinBudget } from "./spin-budget.ts";

/** What a look costs when the loop has nothing else to do. A longer turn was not ours: only so much of it counts as spent. */
const TURN_MAX_US = 4;
/** From the other side's byte to our look: no part of what an answer took that we slept for. */
const BELL_US = 25;
const BYTE = Buffer.of(1);

export class Doorbell {
  readonly #connection: Duplex;
  readonly #consumer: Pick<RingConsumer, "fallAsleep" | "wake">;
  /** Takes what came; says whether anything did. */
  readonly #look: () => boolean;
  readonly #budget = new SpinBudget();
  readonly #turn = () => this.#awake();
  readonly #rung = () => this.#wake();
  readonly #rang = () => this.#rangOut();
  readonly #toll = () => {
    this.#bell = null;
    this.#ringNow();
  };
  #bell: NodeJS.Immediate | null = null;
  #immediate: NodeJS.Immediate | null = null;
  #isExpecting = false;
  #isAsleep = false;
  #isClosed = false;
  #isRinging = false;
  #ringsAgain = false;
  /** The last look of the present wait. */
  #lookedMs = 0;
  /** Of the present wait, what looking has cost. */
  #spentUs = 0;
  /** How long the loop had ever been idle when we went to sleep. */
  #idleMs = 0;

  constructor(connection: Duplex, consumer: Pick<RingConsumer, "fallAsleep" | "wake">, look: () => boolean) {
    this.#connection = connection;
    this.#consumer = consumer;
    this.#look = look;
    connection.on("data", this.#rung);
    this.#soon();
  }

  /**
   * Wakes the other side, once this turn of the loop has done what it has: a write wakes it on the spot, and on a busy
   * machine it would take this core from us for every single message that the turn sends. One byte at a time is under way: a side that says it sleeps and takes no byte gets no
   * more of them. But what it is to be woken for came after that byte, so another one follows.
   */
  ring(): void {
    this.#bell ??= setImmediate(this.#toll);
  }

  #ringNow(): void {
    if (this.#isRinging) {
      this.#ringsAgain = true;
      return;
    }
    if (!this.#connection.writable) return;
    this.#isRinging = true;
    this.#connection.write(BYTE, this.#rang);
  }

  /** Whether answers are on their way: asked anew with each call, which may be answered sooner than those before it. */
  expect(isExpecting: boolean): void {
    const isWorthIt = isExpecting && this.#budget.us > 0;
    if (isExpecting && (!this.#isExpecting || (this.#isAsleep && isWorthIt))) this.#begin();
    this.#isExpecting = isExpecting;
    if (isWorthIt) this.stir();
  }

  /** Looks once more in this turn of the loop, whatever else. */
  stir(): void {
    if (this.#isAsleep) {
      this.#consumer.wake();
      this.#isAsleep = false;
    }
    if (this.#immediate === null) this.#soon();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    this.#connection.off("data", this.#rung);
  }

  #rangOut(): void {
    this.#isRinging = false;
    if (!this.#ringsAgain) return;
    this.#ringsAgain = false;
    this.#ringNow();
  }

  #awake(): void {
    this.#immediate = null;
    const nowMs = performance.now();
    this.#spentUs += Math.min((nowMs - this.#lookedMs) * 1_000, TURN_MAX_US);
    this.#lookedMs = nowMs;
    const { us } = this.#budget;
    if (this.#looked(this.#spentUs)) return;
    if (this.#isExpecting && this.#spentUs < us) this.#soon();
    else this.#sleep();
  }

  #wake(): void {
    if (!this.#isAsleep) return;
    this.#isAsleep = false;
    this.#consumer.wake();
    // What it would have cost to go on looking: a loop that had other work all the time could have looked for nothing.
    const idleUs = (performance.nodeTiming.idleTime - this.#idleMs) * 1_000;
    if (!this.#looked(this.#spentUs + Math.max(0, idleUs - BELL_US))) this.#sleep();
  }

  /** Whether that is all for now: it is closed, or something came and the next look has its time. */
  #looked(waitUs: number): boolean {
    const wasExpecting = this.#isExpecting;
    const isFound = this.#look();
    if (this.#isClosed) return true;
    if (!isFound) return false;
    if (wasExpecting) this.#budget.answered(waitUs);
    this.#begin();
    if (this.#immediate !== null) return true;
    if (this.#isExpecting && this.#budget.us > 0) this.#soon();
    else this.#sleep();
    return true;
  }

  #sleep(): void {
    if (this.#immediate !== null) return;
    this.#isAsleep = this.#consumer.fallAsleep();
    if (this.#isAsleep) this.#idleMs = performance.nodeTiming.idleTime;
    else this.#soon();
  }

  #begin(): void {
    this.#lookedMs = performance.now();
    this.#spentUs = 0;
    if (this.#isAsleep) this.#idleMs = performance.nodeTiming.idleTime;
  }

  #soon(): void {
    this.#immediate = setImmediate(this.#turn);
  }
}
