/**
 * Descriptors: what the numbers of a guest stand for. Three streams, the
 * preopened folders, then whatever it opens, always at the lowest free number
 * (as POSIX asks, and as programs expect). Rights can only be given up. Put
 * back whole before every request.
 */
import { FILETYPE, RIGHTS } from "./abi.ts";

export interface Descriptor {
  /** Streams have the number they began with; files and folders the host's handle. */
  readonly kind: "stdin" | "stdout" | "stderr" | "file";
  readonly handle: number;
  readonly filetype: number;
  readonly preopenName: Uint8Array | null;
  fdflags: number;
  rightsBase: bigint;
  rightsInheriting: bigint;
}

const STREAMS = ["stdin", "stdout", "stderr"] as const;
const STREAM_RIGHTS = RIGHTS.fdFdstatSetFlags | RIGHTS.fdFilestatGet | RIGHTS.pollFdReadwrite;

export class FdTable {
  readonly #open = new Map<number, Descriptor>();
  readonly #streamFiletypes: readonly number[];
  readonly #preopens: () => Descriptor[];
  #nextFree = 0;
  #isTouched = false;

  /** `preopens` makes descriptors anew: their rights may have been given up. */
  constructor(streamFiletypes: readonly number[], preopens: () => Descriptor[]) {
    this.#streamFiletypes = streamFiletypes;
    this.#preopens = preopens;
    this.reset();
  }

  /** As a program finds it when it starts. Whatever else was open is the caller's to close first. */
  reset(): void {
    this.#open.clear();
    this.#nextFree = 0;
    for (const [index, kind] of STREAMS.entries()) this.add(stream(kind, this.#streamFiletypes[index] ?? FILETYPE.unknown));
    for (const descriptor of this.#preopens()) this.add(descriptor);
    this.#isTouched = false;
  }

  /** Whether anything was opened, closed or changed since the last reset: most requests change nothing. */
  get isTouched(): boolean {
    return this.#isTouched;
  }

  /** A descriptor's flags or rights were changed. */
  touch(): void {
    this.#isTouched = true;
  }

  get(fd: number): Descriptor | undefined {
    return this.#open.get(fd);
  }

  /** The number it got. */
  add(descriptor: Descriptor): number {
    const fd = this.#nextFree;
    this.set(fd, descriptor);
    return fd;
  }

  set(fd: number, descriptor: Descriptor): void {
    this.#isTouched = true;
    this.#open.set(fd, descriptor);
    while (this.#open.has(this.#nextFree)) this.#nextFree++;
  }

  delete(fd: number): boolean {
    if (!this.#open.delete(fd)) return false;
    this.#isTouched = true;
    this.#nextFree = Math.min(this.#nextFree, fd);
    return true;
  }

  entries(): IterableIterator<[number, Descriptor]> {
    return this.#open.entries();
  }
}

function stream(kind: (typeof STREAMS)[number], filetype: number): Descriptor {
  const rightsBase = STREAM_RIGHTS | (kind === "stdin" ? RIGHTS.fdRead : RIGHTS.fdWrite);
  return { kind, handle: -1, filetype, preopenName: null, fdflags: 0, rightsBase, rightsInheriting: 0n };
}
