/**
 * Image keeper: the image that a launcher makes instances of: found, or made once in
 * the background when a plain start has shown that the function works; made again,
 * with growing pauses, when that failed or the image turned out to be of no use.
 * At every moment it has an image or a sentence that says why there is none.
 */
import { fail, ok, type Result } from "../../../base/result.ts";
import { formatDuration, HOUR_MS, SECOND_MS } from "../../../base/units.ts";
import type { Image, ImageStore, Made } from "./image-store.ts";

export interface ImageKeeperParts<Details> {
  readonly store: ImageStore<Details>;
  readonly key: string;
  /** Fills the folder. The fault is a phrase. */
  build(dir: string, signal: AbortSignal): Promise<Result<Made<Details>, string>>;
  note(text: string): void;
}

const RETRY_MIN_MS = 30 * SECOND_MS;
const RETRY_MAX_MS = HOUR_MS;

export class ImageKeeper<Details> {
  readonly #parts: ImageKeeperParts<Details>;
  readonly #closing = new AbortController();
  #image: Image<Details> | null = null;
  #finding: Promise<void> | null = null;
  #making: Promise<void> | null = null;
  #fault: string | null = null;
  #faultCount = 0;
  #notBeforeMs = 0;

  constructor(parts: ImageKeeperParts<Details>) {
    this.#parts = parts;
  }

  /** The fault says why there is none now. */
  async image(): Promise<Result<Image<Details>, string>> {
    const { store, key } = this.#parts;
    if (this.#image !== null && !store.isUnchanged(this.#image)) {
      this.#image = null;
      this.#fault = "its image is gone, or was changed";
    }
    if (this.#image === null && this.#making === null) await this.#find();
    if (this.#image !== null) return ok(this.#image);
    if (this.#making !== null) return fail("its image is being made");
    if (store.isBeingMade(key)) return fail("another process of this server is making its image");
    return fail(this.#whyNot());
  }

  /** Unless there is one, it is being made, or has failed lately. Called when an instance was started well. */
  makeSoon(): void {
    if (this.#image !== null || this.#making !== null || this.#closing.signal.aborted) return;
    if (performance.now() < this.#notBeforeMs || this.#parts.store.isBeingMade(this.#parts.key)) return;
    this.#making = this.#make().finally(() => {
      this.#making = null;
    });
  }

  /** It could not be used. */
  refuse(image: Image<Details>, why: string): void {
    if (this.#image === image) this.#image = null;
    this.#parts.store.drop(image);
    this.#failed(why);
  }

  /** What is being made is given up. */
  close(): void {
    this.#closing.abort();
  }

  /** For tests: until what is being made is made, or has failed. */
  settled(): Promise<void> {
    return this.#making ?? Promise.resolve();
  }

  #find(): Promise<void> {
    this.#finding ??= this.#lookup().finally(() => {
      this.#finding = null;
    });
    return this.#finding;
  }

  async #lookup(): Promise<void> {
    const found = await this.#parts.store.find(this.#parts.key);
    if (found.ok) {
      this.#image = found.value;
      return;
    }
    this.#fault = found.failure;
    this.#parts.note(found.failure);
  }

  async #make(): Promise<void> {
    const { store, key, build } = this.#parts;
    const made = await store.make(key, (dir) => build(dir, this.#closing.signal));
    if (this.#closing.signal.aborted) return;
    if (!made.ok) {
      this.#failed(`no image could be made: ${made.failure}`);
      return;
    }
    this.#image = made.value;
    this.#fault = null;
    this.#faultCount = 0;
  }

  #failed(why: string): void {
    this.#fault = why;
    const waitMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** this.#faultCount++);
    this.#notBeforeMs = performance.now() + waitMs;
    this.#parts.note(`${why}; it is tried again in ${formatDuration(waitMs)} at the earliest`);
  }

  #whyNot(): string {
    return this.#fault ?? "its image is made when an instance has been started without one";
  }
}
