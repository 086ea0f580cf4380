/**
 * performance.now() and timeOrigin of High Resolution Time. The origin is taken
 * when first asked for, never when the snapshot is made: every sandbox would
 * share the build's birthday.
 */
import { hostSync } from "./bridge.ts";

class Performance {
  #timeOrigin: number | null = null;

  get timeOrigin(): number {
    this.#timeOrigin ??= hostSync("clock.now") as number;
    return this.#timeOrigin;
  }

  now(): number {
    const origin = this.timeOrigin;
    return (hostSync("clock.now") as number) - origin;
  }

  toJSON(): { timeOrigin: number } {
    return { timeOrigin: this.timeOrigin };
  }

  get [Symbol.toStringTag](): string {
    return "Performance";
  }
}

export const performance = new Performance();
