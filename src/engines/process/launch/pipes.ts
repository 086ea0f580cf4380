/**
 * Pipes: standard input and output of a process as pipe(2), by node:ffi. What
 * Node makes for 'pipe' is a pair of sockets, and a socket can't be opened by
 * name: `cat /dev/stdin` and `echo x > /dev/stderr`, which shell functions are
 * full of, fail with ENXIO. Where there is no FFI, Node's own has to do.
 *
 * Each descriptor has one owner at a time, who closes it once: this file until
 * `take`, then the stream. The process's ends are closed here when it has them.
 */
import type { ChildProcess } from "node:child_process";
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { type Libc, openLibc } from "../../../base/libc.ts";

const SIGNATURES = { pipe2: { return: "int32", arguments: ["buffer", "int32"] } } as const;
const O_CLOEXEC = 0o2_000_000;

type Direction = "to process" | "from process";

let libc: Libc<typeof SIGNATURES> | null | undefined;

/** One stream between this process and another. */
export class ProcessPipe {
  readonly #direction: Direction;
  /** Null where Node makes the stream. */
  #ours: number | null;
  #theirs: number | null;

  constructor(direction: Direction) {
    this.#direction = direction;
    const ends = openPipe();
    this.#ours = (direction === "to process" ? ends?.write : ends?.read) ?? null;
    this.#theirs = (direction === "to process" ? ends?.read : ends?.write) ?? null;
  }

  /** For `stdio` of spawn. */
  get stdio(): number | "pipe" {
    return this.#theirs ?? "pipe";
  }

  /** Ours, once the process has its end: `slot` is its index in `stdio`. Null where a failed spawn made none. */
  takeReadable(child: ChildProcess, slot: 1 | 2): Readable | null {
    return this.#taken() ?? child.stdio[slot];
  }

  takeWritable(child: ChildProcess): Writable | null {
    return this.#taken() ?? child.stdin;
  }

  /** What was not taken. */
  close(): void {
    this.#closeTheirs();
    if (this.#ours !== null) closeSync(this.#ours);
    this.#ours = null;
  }

  #taken(): Socket | null {
    this.#closeTheirs();
    if (this.#ours === null) return null;
    const fd = this.#ours;
    this.#ours = null;
    const isOutput = this.#direction === "from process";
    return new Socket({ fd, readable: isOutput, writable: !isOutput, allowHalfOpen: false });
  }

  #closeTheirs(): void {
    if (this.#theirs !== null) closeSync(this.#theirs);
    this.#theirs = null;
  }
}

/** Why pipes (and rings) can't be had by FFI; null when they can. */
export function ffiLack(): string | null {
  if (process.platform !== "linux") return `this is ${process.platform}, not Linux`;
  try {
    openLibc(SIGNATURES);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Blocking, as a program expects it; libuv makes our end non-blocking, which is a description of its own. Null without FFI. */
export function openPipe(): { read: number; write: number } | null {
  if (libc === undefined) libc = opened();
  if (libc === null) return null;
  const ends = new Int32Array(2);
  if (libc.calls.pipe2(Buffer.from(ends.buffer), O_CLOEXEC) !== 0) return null;
  return { read: ends[0]!, write: ends[1]! };
}

function opened(): Libc<typeof SIGNATURES> | null {
  if (process.platform !== "linux") return null;
  try {
    return openLibc(SIGNATURES);
  } catch {
    return null;
  }
}
