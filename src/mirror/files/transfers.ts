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
    // The place in line is that of whoever came first, not of whose file was made first.
    const turn = this.#turn();
    const transfer = new Transfer(artifact, parts, turn);
    this.#open.set(key, transfer);
    void transfer.ended.then(async () => {
      this.#open.delete(key);
      await turn;
      this.#giveUpTurn();
    });
    return transfer;
  }

  /** Resolves when all that were under way are over. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.all([...this.#open.values()].map(({ ended }) => ended));
  }

  #turn(): Promise<void> {
    if (this.#running < this.#atOnceMax) {
      this.#running++;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#line.push(resolve));
  }

  /** The place goes to the next in line, or is free. */
  #giveUpTurn(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}

function keyOf({ hashes, source }: Artifact): string {
  return hashes["sha256"] ?? (source.kind === "index" ? source.url : source.path);
}
