/**
 * Transfers: those under way, one for each file of an index however many ask,
 * and never more at once than an index should bear. Further ones wait in line,
 * each index's in a line of its own: one that is slow holds up no other. What
 * two indexes promise alike is fetched from both: a transfer is only as good as
 * whoever sends it, and a page may name any hash. What is left of those that
 * were given up is kept here for the next.
 */
import { Turns } from "../../base/turns.ts";
import type { Artifact } from "../artifact.ts";
import { promiseOf } from "./digest.ts";
import { LeftParts } from "./left-parts.ts";
import { Transfer, type TransferParts } from "./transfer.ts";

export class Transfers {
  readonly #open = new Map<string, Transfer>();
  readonly #partsFor: (artifact: Artifact) => TransferParts;
  readonly #atOnceMax: number;
  readonly #turns = new Map<string, Turns>();
  readonly #left = new LeftParts();

  constructor(partsFor: (artifact: Artifact) => TransferParts, atOnceMax: number) {
    this.#partsFor = partsFor;
    this.#atOnceMax = atOnceMax;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** The transfer of this content that is under way, if there is one. */
  find(artifact: Artifact): Transfer | undefined {
    const open = this.#open.get(keyOf(artifact));
    return open?.isGivenUp === true ? undefined : open;
  }

  /** Joins the transfer of this content, or begins it. Whoever joins waits for it until calling its `leave`. */
  join(artifact: Artifact): Transfer {
    const transfer = this.find(artifact) ?? this.#begin(artifact);
    transfer.attend();
    return transfer;
  }

  /** Resolves when all that were under way are over, and nothing is left of them. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.all([...this.#open.values()].map(({ ended }) => ended));
    await this.#left.clear();
  }

  #begin(artifact: Artifact): Transfer {
    const key = keyOf(artifact);
    const before = this.#open.get(key);
    const turns = this.#turnsOf(artifact);
    // The place in line is that of whoever came first, not of whose file was made first. One that was given up leaves its part as it ends.
    const turn = Promise.all([turns.take(), before?.ended]).then(() => undefined);
    const transfer = new Transfer(artifact, this.#partsFor(artifact), { turn, takeLeft: () => this.#left.take(key) });
    this.#open.set(key, transfer);
    void transfer.ended.then(() => {
      if (this.#open.get(key) === transfer) this.#open.delete(key);
      if (transfer.left !== null) this.#left.put(key, transfer.left);
      // A full disk has no room for what nobody waits for.
      if (transfer.failure?.code === "STORAGE_FULL") void this.#left.clear();
      turns.giveBack();
    });
    return transfer;
  }

  #turnsOf({ source }: Artifact): Turns {
    const index = source.kind === "index" ? source.index : "";
    let turns = this.#turns.get(index);
    if (turns === undefined) {
      turns = new Turns(this.#atOnceMax);
      this.#turns.set(index, turns);
    }
    return turns;
  }
}

function keyOf({ hashes, sizeBytes, source }: Artifact): string {
  const promise = promiseOf(hashes);
  const from = source.kind === "index" ? [source.index, source.url] : [source.path];
  return JSON.stringify([...from, promise?.algorithm, promise?.value, sizeBytes]);
}
