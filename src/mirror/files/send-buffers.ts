/**
 * Send buffers: memory between file and socket, used again and again. A fresh
 * MiB costs 256 page faults, more than the read into it. The more clients
 * download at once, the smaller their buffers, so that a thousand of them fit
 * into the same few tens of MiB as sixteen.
 */
import { KIB, MIB } from "../../base/units.ts";

/** Up to so many clients at once get buffers of that size. None is smaller: see `SOCKET_QUEUE_BYTES`. */
const SIZES: readonly (readonly [clientsMax: number, bytes: number])[] = [
  [16, MIB],
  [64, 256 * KIB],
  [Number.POSITIVE_INFINITY, 64 * KIB],
];
/**
 * Node's socket calls a write of this much or more unfinished until the system
 * has taken all of it: only then may the buffer be used again.
 */
export const SOCKET_QUEUE_BYTES = 64 * KIB;
const KEPT_MAX_BYTES = 16 * MIB;

export class SendBuffers {
  readonly #free = new Map<number, Buffer[]>();
  #keptBytes = 0;
  #clients = 0;

  get clientCount(): number {
    return this.#clients;
  }

  enter(): void {
    this.#clients++;
  }

  leave(): void {
    this.#clients--;
  }

  take(): Buffer {
    const bytes = (SIZES.find(([clientsMax]) => this.#clients <= clientsMax) as readonly [number, number])[1];
    const kept = this.#free.get(bytes)?.pop();
    if (kept === undefined) return Buffer.allocUnsafeSlow(bytes);
    this.#keptBytes -= bytes;
    return kept;
  }

  /** Only when no socket holds any part of it. */
  giveBack(buffer: Buffer): void {
    if (this.#keptBytes + buffer.length > KEPT_MAX_BYTES) return;
    this.#keptBytes += buffer.length;
    const kept = this.#free.get(buffer.length);
    if (kept === undefined) this.#free.set(buffer.length, [buffer]);
    else kept.push(buffer);
  }
}
