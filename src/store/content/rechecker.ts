/**
 * Rechecker: hashes again what is kept, what was verified longest ago first, so
 * slowly that nobody notices; disks rot, and other programs write where they
 * shouldn't. When each was verified is in the catalogue, so a restart goes on
 * where the last run was. What somebody suspects is hashed at once.
 * Decides nothing: whoever made it concludes.
 */
import type { Result } from "../../base/result.ts";
import { DAY_MS, KIB, MIB, MINUTE_MS, SECOND_MS } from "../../base/units.ts";
import type { StoreFault } from "../store-fault.ts";
import { digestOf, type Pace } from "./content-digest.ts";
import { attempt } from "./content-fault.ts";
import type { ContentReader, PlacedContent } from "./content-store.ts";

export interface RecheckPace {
  readonly bytesPerSecond: number;
  /** A file is verified again after so long. */
  readonly everyMs: number;
  /** Of quiet after a start. */
  readonly startAfterMs: number;
  /** Of quiet while nothing is due. */
  readonly idleMs: number;
}

/** 5 GiB in 21 minutes, once a week; some 0.5 % of a core meanwhile. */
export const RECHECK_PACE: RecheckPace = {
  bytesPerSecond: 4 * MIB,
  everyMs: 7 * DAY_MS,
  startAfterMs: 30 * SECOND_MS,
  idleMs: 10 * MINUTE_MS,
};

/** What opening a file costs, in bytes of reading: many small files are no rush either. */
const FILE_COST_BYTES = 64 * KIB;
/** Verified files whose times are written together. */
const BATCH_MAX = 64;

export type Checked =
  | { readonly outcome: "right" }
  | { readonly outcome: "rotten" /** What it hashes to now. */; readonly sha256: string }
  /** Not there, or not that size. */
  | { readonly outcome: "gone" }
  | { readonly outcome: "unreadable"; readonly fault: StoreFault };

export interface RecheckerOptions {
  readonly pace: RecheckPace;
  readonly nowMs: () => number;
  /** Throws StoreError. */
  readonly due: (beforeMs: number, limit: number) => readonly PlacedContent[];
  readonly open: (content: PlacedContent) => Promise<Result<ContentReader | null, StoreFault>>;
  readonly conclude: (content: PlacedContent, checked: Checked) => Promise<void>;
  /** Writes what was concluded; false when that failed. */
  readonly flush: () => Promise<boolean>;
}

export class Rechecker {
  readonly #options: RecheckerOptions;
  readonly #suspects = new Map<string, Promise<void>>();
  #watching: Promise<void> | null = null;
  #stopped = false;
  #wake: (() => void) | null = null;
  #checkedCount = 0;

  constructor(options: RecheckerOptions) {
    this.#options = options;
  }

  get checkedCount(): number {
    return this.#checkedCount;
  }

  start(): void {
    this.#watching ??= this.#watch();
  }

  /** Once at a time, however many readers met something wrong. */
  checkNow(content: PlacedContent): void {
    const { sha256 } = content;
    if (this.#stopped || this.#suspects.has(sha256)) return;
    const done = this.#check(content, async () => !this.#stopped).then(() => {
      this.#suspects.delete(sha256);
    });
    this.#suspects.set(sha256, done);
  }

  /** Ends a check under way without a conclusion. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await Promise.all([this.#watching, ...this.#suspects.values()]);
  }

  async #watch(): Promise<void> {
    const { startAfterMs, idleMs } = this.#options.pace;
    await this.#sleep(startAfterMs);
    while (!this.#stopped) {
      const went = await this.#checkDue();
      if (!went) await this.#sleep(idleMs);
    }
  }

  /** False when there is nothing to do, or nothing that can be done now. */
  async #checkDue(): Promise<boolean> {
    const { due, nowMs, pace, flush } = this.#options;
    const batch = attempt(() => due(nowMs() - pace.everyMs, BATCH_MAX));
    if (!batch.ok || batch.value.length === 0) return false;
    let isAllRead = true;
    for (const content of batch.value) {
      if (!(await this.#paced(FILE_COST_BYTES))) return false;
      const checked = await this.#check(content, (bytes) => this.#paced(bytes));
      if (checked?.outcome !== "unreadable") continue;
      // One that nobody may read holds up no other; of a machine in need nothing more is asked.
      if (checked.fault.code === "BUSY") return false;
      isAllRead = false;
    }
    return (await flush()) && isAllRead;
  }

  async #check(content: PlacedContent, pace: Pace): Promise<Checked | null> {
    const checked = await this.#look(content, pace);
    if (checked === null) return null;
    this.#checkedCount++;
    await this.#options.conclude(content, checked);
    return checked;
  }

  async #look(content: PlacedContent, pace: Pace): Promise<Checked | null> {
    const opened = await this.#options.open(content);
    if (!opened.ok) return { outcome: "unreadable", fault: opened.failure };
    const reader = opened.value;
    if (reader === null) return { outcome: "gone" };
    try {
      const digest = await digestOf(reader, 0, reader.sizeBytes, pace);
      if (!digest.ok) return { outcome: "unreadable", fault: digest.failure };
      if (digest.value === null) return null;
      return digest.value === content.sha256 ? { outcome: "right" } : { outcome: "rotten", sha256: digest.value };
    } finally {
      await reader.close();
    }
  }

  async #paced(bytes: number): Promise<boolean> {
    await this.#sleep((bytes / this.#options.pace.bytesPerSecond) * SECOND_MS);
    return !this.#stopped;
  }

  /** Keeps no process alive. */
  async #sleep(ms: number): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }
}
