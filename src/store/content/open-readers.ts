/**
 * Open readers, by the place they read: where bytes vanish under a reader, what
 * is no longer kept is removed when its last reader has closed.
 */
export class OpenReaders {
  readonly #byPlace = new Map<string, { count: number; readonly gone: PromiseWithResolvers<void> }>();

  /** Returns what the reader calls when it closes, once. */
  add(place: string): () => void {
    const readers = this.#byPlace.get(place) ?? { count: 0, gone: Promise.withResolvers<void>() };
    this.#byPlace.set(place, readers);
    readers.count++;
    return () => {
      readers.count--;
      if (readers.count > 0) return;
      this.#byPlace.delete(place);
      readers.gone.resolve();
    };
  }

  /** Null when there is none. */
  gone(place: string): Promise<void> | null {
    return this.#byPlace.get(place)?.gone.promise ?? null;
  }
}
