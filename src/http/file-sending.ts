/**
 * FileSending: one range of an open file on its way through one plain socket, by
 * the kernel. A socket that takes no more is waited for by a small piece that
 * goes through the socket's own queue: its callback comes when the system has
 * room again, and whatever is wrong with file or connection comes out of it.
 * Must not wait for a disk: it ends early where the file is not in memory.
 */
import { readSync } from "node:fs";
import type { Socket } from "node:net";
import { KIB, MIB } from "../base/units.ts";
import type { KernelFile } from "./kernel-file.ts";

/** Of one call. */
const WINDOW_BYTES = MIB;
/** Of one turn: a client on this machine never fills its socket, and others wait meanwhile. */
const TURN_MAX_BYTES = MIB;
/** What a client that is slow holds of our memory. */
const PIECE_BYTES = 16 * KIB;
const KEPT_PIECES = 64;

export interface FileRange {
  readonly fd: number;
  readonly start: number;
  readonly end: number;
}

export interface SendingObserver {
  /** So many bytes more were taken. */
  onSent(bytes: number): void;
  /** The answer broke off, or its client left. */
  isGone(): boolean;
}

const freePieces: Buffer[] = [];

/** Resolves with where it stopped: before the end when the rest has to be read from a disk, can't be read, or nobody is there to take it. */
export function sendRange(socket: Socket, kernel: KernelFile, range: FileRange, observer: SendingObserver): Promise<number> {
  return new Promise((resolve) => new FileSending(socket, kernel, range, observer, resolve).run());
}

class FileSending {
  readonly #socket: Socket;
  readonly #kernel: KernelFile;
  readonly #range: FileRange;
  readonly #observer: SendingObserver;
  readonly #resolve: (at: number) => void;
  #at: number;

  constructor(socket: Socket, kernel: KernelFile, range: FileRange, observer: SendingObserver, resolve: (at: number) => void) {
    this.#socket = socket;
    this.#kernel = kernel;
    this.#range = range;
    this.#observer = observer;
    this.#resolve = resolve;
    this.#at = range.start;
  }

  readonly run = (): void => {
    const { fd, end } = this.#range;
    for (let turnBytes = 0; this.#at < end; ) {
      // Anew each time: a socket that was closed has none, and its number may be another's by the next turn.
      const socketFd = fdOf(this.#socket);
      if (socketFd === -1 || this.#observer.isGone()) break;
      if (turnBytes >= TURN_MAX_BYTES) {
        setImmediate(this.run);
        return;
      }
      const count = Math.min(WINDOW_BYTES, end - this.#at);
      // Files are read ahead in order: where the last page is, the others are.
      if (!this.#kernel.isCached(fd, this.#at + count - 1)) break;
      // Nothing may overtake what is queued.
      const sent = this.#socket.writableLength > 0 ? 0 : this.#kernel.send(socketFd, fd, this.#at, count);
      if (sent === 0) {
        if (this.#sendPiece(Math.min(PIECE_BYTES, count))) return;
        break;
      }
      turnBytes += sent;
      this.#advance(sent);
    }
    this.#resolve(this.#at);
  };

  /** False when the file can't be read: the caller's own read will say why. */
  #sendPiece(count: number): boolean {
    const piece = freePieces.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
    const length = readPiece(this.#range.fd, piece, count, this.#at);
    if (length === 0) return false;
    this.#socket.write(length === PIECE_BYTES ? piece : piece.subarray(0, length), (error) => {
      // The connection broke: the piece may still be with the system, and a further one would be answered the same at once, for ever.
      if (error !== null && error !== undefined) {
        this.#resolve(this.#at);
        return;
      }
      if (freePieces.length < KEPT_PIECES) freePieces.push(piece);
      this.#advance(length);
      this.run();
    });
    return true;
  }

  #advance(bytes: number): void {
    this.#at += bytes;
    this.#observer.onSent(bytes);
  }
}

function fdOf(socket: Socket): number {
  return (socket as { _handle?: { fd?: number } | null })._handle?.fd ?? -1;
}

function readPiece(fd: number, piece: Buffer, count: number, position: number): number {
  try {
    return readSync(fd, piece, 0, count, position);
  } catch {
    return 0;
  }
}
