/**
 * Transfers: those under way, one for each content however many ask, and never
 * more at once than upstream should bear. Further ones wait in line.
 */
import type { Artifact } from "../artifact.ts";
import { Transfer, type TransferParts } from "./transfer.ts";

export class Transfers {
  readonly #open = new Map<string, Transfer>();
  readonly #partsFor: (artifact: Artifact) => TransferParts;
  readonly #atOnceMax: number;
  #running = 0;
  readonly #line: (() => void)[] = [];

  constructor(partsFor: (artifact: Artifact) => TransferParts, atOnceMax: number) {
    this.#partsFor = partsFor;
    this.#atOnceMax = atOnceMax;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** The transfer of this content that is under way, if there is one. */
  find(artifact: Artifact): Transfer | undefined {
    return this.#open.get(keyOf(artifact));
  }

  /** Joins the transfer of this content, or begins it. */
  join(artifact: Artifact): Transfer {
    const key = keyOf(artifact);
    const open = this.#open.get(key);
    if (open !== undefined) return open;
    const parts = this.#partsFor(artifact);
    const transfer = new Transfer(artifact, { ...parts, download: (wanted) => this.#inTurn(parts.download(wanted)) });
    this.#open.set(key, transfer);
    void transfer.ended.then(() => this.#open.delete(key));
    return transfer;
  }

  /** Resolves when all that were under way are over. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.all([...this.#open.values()].map(({ ended }) => ended));
  }

  async *#inTurn<Event>(events: AsyncIterable<Event>): AsyncIterable<Event> {
    if (this.#running >= this.#atOnceMax) await new Promise<void>((resolve) => this.#line.push(resolve));
    else this.#running++;
    try {
      yield* events;
    } finally {
      // The place goes to the next in line, or is free.
      const next = this.#line.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

function keyOf({ hashes, source }: Artifact): string {
  return hashes["sha256"] ?? (source.kind === "index" ? source.url : source.path);
}
