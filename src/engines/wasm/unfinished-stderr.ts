/**
 * Unfinished standard error: what runs that are not over have written. A run
 * that comes to its end leaves all of it; one that is ended by a deadline or a
 * limit leaves nothing, and its last words are what tells why. Those of runs that
 * wait are kept here, those of the one that runs lie in the channel.
 */
import type { WasmRealm } from "./wasm-realm.ts";

export class UnfinishedStderr {
  readonly #ofWaiting = new Map<number, string>();

  /** Called while its guest asks for something: others may write before it goes on. */
  waits(runId: number, realm: WasmRealm): void {
    const text = realm.unfinishedStderr();
    if (text === "") return;
    realm.forgetUnfinishedStderr();
    this.#ofWaiting.set(runId, (this.#ofWaiting.get(runId) ?? "") + text);
  }

  /** It came to its end. */
  forget(runId: number): void {
    this.#ofWaiting.delete(runId);
  }

  /** Of a run that is ended; `realm` when its turn runs. Before the realm is released. */
  take(runId: number, realm: WasmRealm | null): string {
    const text = (this.#ofWaiting.get(runId) ?? "") + (realm?.unfinishedStderr() ?? "");
    this.#ofWaiting.delete(runId);
    return text;
  }
}
