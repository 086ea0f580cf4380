/**
 * Own memory: what this process holds, for heartbeats and metrics. To know it,
 * Node opens a file: without a free descriptor it throws, and a client with
 * enough connections must not end a worker so. The last known value stands in.
 */
export class OwnMemory {
  readonly #measure: () => NodeJS.MemoryUsage;
  readonly #measureResident: () => number;
  #residentBytes = 0;
  #heapUsedBytes = 0;

  constructor(measure: () => NodeJS.MemoryUsage = process.memoryUsage, measureResident: () => number = process.memoryUsage.rss) {
    this.#measure = measure;
    this.#measureResident = measureResident;
  }

  residentBytes(): number {
    try {
      this.#residentBytes = this.#measureResident();
    } catch {
      // Asked again at the next heartbeat.
    }
    return this.#residentBytes;
  }

  heapUsedBytes(): number {
    try {
      this.#heapUsedBytes = this.#measure().heapUsed;
    } catch {
      // As above.
    }
    return this.#heapUsedBytes;
  }
}
