/**
 * A file through the listener's Exchange, read on the event loop into buffers
 * that are used again: what the mirror can do without a system call of its own.
 */
import { readSync } from "node:fs";
import type { Exchange } from "../../src/http/exchange.ts";
import type { OpenFile } from "./ways.ts";

const TURN_MAX_BYTES = 1024 * 1024;
/** Below it a socket may keep what `write` was given and still say that there is room. */
const KEPT_MAX_BYTES = 64 * 1024;

export function throughListener(chunkBytes: number): (exchange: Exchange, file: OpenFile) => void {
  const free: Buffer[] = [];
  return (exchange, file) => {
    exchange.start(200, "content-type: application/octet-stream\r\n", file.size);
    let offset = 0;
    let buffer: Buffer | null = free.pop() ?? Buffer.allocUnsafeSlow(chunkBytes);
    let turnBytes = 0;
    const next = (): void => {
      if (offset === file.size) {
        if (buffer !== null) free.push(buffer);
        exchange.end();
        return;
      }
      const wanted = Math.min(chunkBytes, file.size - offset);
      // The last piece may be kept by the socket: its buffer is given away with it.
      const isKept = wanted < KEPT_MAX_BYTES;
      const bytes = isKept ? Buffer.allocUnsafeSlow(wanted) : buffer!;
      const count = readSync(file.fd, bytes, 0, wanted, offset);
      offset += count;
      turnBytes += count;
      if (exchange.write(count === bytes.length ? bytes : bytes.subarray(0, count))) next();
    };
    exchange.onDrain = () => {
      if (turnBytes < TURN_MAX_BYTES) return next();
      turnBytes = 0;
      setImmediate(next);
    };
    exchange.onAbort = () => {
      buffer = null;
    };
    next();
  };
}
