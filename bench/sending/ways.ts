/**
 * Ways to send a stored file: each moves bytes from an open file to a socket
 * until the socket takes no more, then waits for it. All share the same
 * fairness: so much per turn of the event loop, then others have theirs.
 */
import { read, readSync } from "node:fs";
import type { Socket } from "node:net";
import { isCached, mapFile, openPipe, type Pipe, readCached, sendfile, splice, vectorOf } from "./libc.ts";

export interface OpenFile {
  readonly fd: number;
  readonly size: number;
}

export const WAYS = ["read", "read-sync", "read-cached", "sendfile", "sendfile-asked", "splice", "mmap", "memory"] as const;
export type WayName = (typeof WAYS)[number];

export interface Transfer {
  readonly socket: Socket;
  readonly file: OpenFile;
  readonly done: () => void;
  offset: number;
}

export interface Way {
  /** Behind a head that the socket has taken. */
  send(transfer: Transfer): void;
}

const TURN_MAX_BYTES = 1024 * 1024;
/** What goes through the socket itself when the system call would wait: its callback tells when the socket takes more. */
const PROBE_BYTES = 16 * 1024;
const PIPE_BYTES = 1024 * 1024;
/** What the disk has to be asked for goes through memory of ours, read by another thread. */
const COLD_BYTES = 256 * 1024;

export function openWay(name: WayName, chunkBytes: number): Way {
  switch (name) {
    case "read":
      return new ReadAsync(new Buffers(chunkBytes));
    case "read-sync":
      return new ReadNow(new Buffers(chunkBytes), (file, { bytes }, offset) => readSync(file.fd, bytes, 0, bytes.length, offset));
    case "read-cached":
      return new ReadNow(new Buffers(chunkBytes), (file, { bytes, vector }, offset) => {
        vector.value ??= vectorOf(bytes);
        return readCached(file.fd, vector.value, offset);
      });
    case "sendfile":
      return new ByKernel(chunkBytes, null, false);
    case "sendfile-asked":
      return new ByKernel(chunkBytes, null, true);
    case "splice":
      return new ByKernel(chunkBytes, () => openPipe(PIPE_BYTES), false);
    case "mmap":
      return new FromMemory(chunkBytes, ({ fd, size }) => mapFile(fd, size));
    case "memory":
      return new FromMemory(chunkBytes, ({ fd, size }) => {
        const bytes = Buffer.allocUnsafeSlow(size);
        readSync(fd, bytes, 0, size, 0);
        return bytes;
      });
  }
}

interface Chunk {
  readonly bytes: Buffer;
  readonly vector: { value: BigUint64Array | null };
}

/** Buffers that are used again once the socket has taken what was in them. */
class Buffers {
  readonly #size: number;
  readonly #free: Chunk[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  take(): Chunk {
    return this.#free.pop() ?? { bytes: Buffer.allocUnsafeSlow(this.#size), vector: { value: null } };
  }

  give(chunk: Chunk): void {
    this.#free.push(chunk);
  }
}

class ReadAsync implements Way {
  readonly #buffers: Buffers;

  constructor(buffers: Buffers) {
    this.#buffers = buffers;
  }

  send(transfer: Transfer): void {
    const chunk = this.#buffers.take();
    const { file, socket } = transfer;
    const next = (): void => {
      if (transfer.offset === file.size || socket.destroyed) {
        this.#buffers.give(chunk);
        transfer.done();
        return;
      }
      read(file.fd, chunk.bytes, 0, Math.min(chunk.bytes.length, file.size - transfer.offset), transfer.offset, (error, count) => {
        if (error !== null) throw error;
        transfer.offset += count;
        const bytes = count === chunk.bytes.length ? chunk.bytes : chunk.bytes.subarray(0, count);
        writeThen(socket, bytes, next);
      });
    };
    next();
  }
}

type ReadInto = (file: OpenFile, chunk: Chunk, offset: number) => number;

/** Reads on the event loop; what is not there yet (a cold page) is read by Node's threads. */
class ReadNow implements Way {
  readonly #buffers: Buffers;
  readonly #readInto: ReadInto;

  constructor(buffers: Buffers, readInto: ReadInto) {
    this.#buffers = buffers;
    this.#readInto = readInto;
  }

  send(transfer: Transfer): void {
    const { file, socket } = transfer;
    let chunk: Chunk | null = null;
    const letGo = (): void => {
      if (chunk !== null) this.#buffers.give(chunk);
      chunk = null;
    };
    const write = (count: number): boolean => {
      const { bytes } = chunk!;
      const length = Math.min(count, file.size - transfer.offset);
      transfer.offset += length;
      return writeOr(socket, length === bytes.length ? bytes : bytes.subarray(0, length), run);
    };
    const run = (): void => {
      for (let turnBytes = 0; transfer.offset < file.size && !socket.destroyed; ) {
        if (turnBytes >= TURN_MAX_BYTES) {
          letGo();
          setImmediate(run);
          return;
        }
        chunk ??= this.#buffers.take();
        const before = transfer.offset;
        const count = this.#readInto(file, chunk, before);
        if (count === 0) {
          read(file.fd, chunk.bytes, 0, chunk.bytes.length, before, (error, late) => {
            if (error !== null) throw error;
            if (write(late)) run();
          });
          return;
        }
        if (!write(count)) return;
        turnBytes += transfer.offset - before;
      }
      letGo();
      transfer.done();
    };
    run();
  }
}

interface Handled {
  readonly _handle: { readonly fd: number } | null;
}

class ByKernel implements Way {
  readonly #chunkBytes: number;
  readonly #openPipe: (() => Pipe) | null;
  readonly #pipes: Pipe[] = [];
  readonly #asks: boolean;
  readonly #probes = new Buffers(PROBE_BYTES);
  readonly #cold = new Buffers(COLD_BYTES);

  constructor(chunkBytes: number, openPipe: (() => Pipe) | null, asks: boolean) {
    this.#asks = asks;
    this.#chunkBytes = chunkBytes;
    this.#openPipe = openPipe;
  }

  send(transfer: Transfer): void {
    const { file, socket } = transfer;
    const pipe = this.#openPipe === null ? null : (this.#pipes.pop() ?? this.#openPipe());
    const run = (): void => {
      for (let turnBytes = 0; transfer.offset < file.size && !socket.destroyed; ) {
        if (turnBytes >= TURN_MAX_BYTES) {
          setImmediate(run);
          return;
        }
        const fd = (socket as unknown as Handled)._handle?.fd ?? -1;
        if (fd < 0) break;
        const count = Math.min(this.#chunkBytes, file.size - transfer.offset);
        if (this.#asks && !isCached(file.fd, transfer.offset + count - 1)) {
          this.#readCold(transfer, run);
          return;
        }
        const sent = pipe === null ? sendfile(fd, file.fd, transfer.offset, count) : splice(pipe, fd, file.fd, transfer.offset, count).sent;
        transfer.offset += sent;
        turnBytes += sent;
        // A short count means a full socket as often as not; the next call says so for certain.
        if (sent === 0) {
          this.#probe(transfer, pipe, run);
          return;
        }
      }
      if (pipe !== null) this.#pipes.push(pipe);
      transfer.done();
    };
    run();
  }

  #readCold(transfer: Transfer, then: () => void): void {
    const { file, socket } = transfer;
    const chunk = this.#cold.take();
    read(file.fd, chunk.bytes, 0, Math.min(COLD_BYTES, file.size - transfer.offset), transfer.offset, (error, count) => {
      if (error !== null) throw error;
      transfer.offset += count;
      writeThen(socket, chunk.bytes.subarray(0, count), () => {
        this.#cold.give(chunk);
        then();
      });
    });
  }

  #probe(transfer: Transfer, pipe: Pipe | null, then: () => void): void {
    const { file, socket } = transfer;
    const chunk = this.#probes.take();
    const wanted = Math.min(PROBE_BYTES, file.size - transfer.offset);
    const count =
      pipe === null || pipe.heldBytes === 0
        ? readSync(file.fd, chunk.bytes, 0, wanted, transfer.offset)
        : readSync(pipe.readFd, chunk.bytes, 0, wanted, null);
    if (pipe !== null && pipe.heldBytes > 0) pipe.heldBytes -= count;
    transfer.offset += count;
    writeThen(socket, chunk.bytes.subarray(0, count), () => {
      this.#probes.give(chunk);
      then();
    });
  }
}

class FromMemory implements Way {
  readonly #chunkBytes: number;
  readonly #load: (file: OpenFile) => Buffer;
  readonly #loaded = new Map<OpenFile, Buffer>();

  constructor(chunkBytes: number, load: (file: OpenFile) => Buffer) {
    this.#chunkBytes = chunkBytes;
    this.#load = load;
  }

  send(transfer: Transfer): void {
    const { file, socket } = transfer;
    const whole = this.#loaded.get(file) ?? this.#load(file);
    this.#loaded.set(file, whole);
    const run = (): void => {
      for (let turnBytes = 0; transfer.offset < file.size && !socket.destroyed; ) {
        if (turnBytes >= TURN_MAX_BYTES) {
          setImmediate(run);
          return;
        }
        const piece = whole.subarray(transfer.offset, Math.min(file.size, transfer.offset + this.#chunkBytes));
        transfer.offset += piece.length;
        turnBytes += piece.length;
        if (!writeOr(socket, piece, run)) return;
      }
      transfer.done();
    };
    run();
  }
}

/** Once the system has taken all of it, and not before. */
function writeThen(socket: Socket, bytes: Uint8Array, then: () => void): void {
  socket.write(bytes, () => then());
}

/** True when the system took all of it at once; else `then` is called when it has. */
function writeOr(socket: Socket, bytes: Uint8Array, then: () => void): boolean {
  let isWaiting = false;
  socket.write(bytes, () => {
    // Also told, a tick later, of what was taken at once.
    if (isWaiting) then();
  });
  isWaiting = socket.writableLength > 0;
  return !isWaiting;
}
