/**
 * Host calls: the other side of guest/wasi/channel.ts. A call names an
 * operation by number; families of a hundred go to whoever serves them. Nothing
 * that comes over the channel is trusted: an unknown number is ENOSYS, and what
 * throws here is our own mistake, told as EIO and logged.
 */
import { randomFillSync } from "node:crypto";
import { ERRNO } from "../../../guest/wasi/abi.ts";
import { OPERATION_FAMILY, SYSTEM_OPERATION } from "../../../guest/wasi/channel.ts";

/** Serves one family. Results of zero or more, or minus a WASI error code; bytes in its window. */
export interface OperationServer {
  serve(operation: number, a: number, b: number, c: number, d: number, e: number): number;
}

export interface LiveStreams {
  /** Fills `into` with what there is, waiting for the first byte; 0 at the end. */
  readStdin(into: Uint8Array): number;
  write(stream: 1 | 2, bytes: Uint8Array): number;
  sleep(us: number): void;
}

export interface HostCallsOptions {
  readonly window: Uint8Array;
  readonly files: OperationServer | null;
  readonly streams: LiveStreams | null;
  log(level: number, text: string): void;
  onInternalError(error: unknown): void;
}

const FAMILY_SIZE = 100;
const CLOCK_REALTIME = 0;
const NS_PER_MS = 1_000_000n;
const NS_PER_US = 1_000n;

export function createHostCalls(options: HostCallsOptions): OperationServer["serve"] {
  const families = new Map<number, OperationServer | null>([
    [OPERATION_FAMILY.system, { serve: (operation, a, b) => serveSystem(options, operation, a, b) }],
    [OPERATION_FAMILY.files, options.files],
  ]);
  return (operation, a, b, c, d, e) => {
    try {
      const server = families.get(Math.floor(operation / FAMILY_SIZE) * FAMILY_SIZE);
      return server?.serve(operation, a, b, c, d, e) ?? -ERRNO.nosys;
    } catch (error) {
      options.onInternalError(error);
      return -ERRNO.io;
    }
  };
}

function serveSystem({ window, streams, log }: HostCallsOptions, operation: number, a: number, b: number): number {
  switch (operation) {
    case SYSTEM_OPERATION.random: {
      const count = Math.min(a >>> 0, window.length);
      randomFillSync(window, 0, count);
      return count;
    }
    case SYSTEM_OPERATION.clock: {
      const words = new DataView(window.buffer, window.byteOffset, 8);
      words.setBigUint64(0, clockNs(a), true);
      return 0;
    }
    case SYSTEM_OPERATION.readStdin:
      return streams === null ? -ERRNO.nosys : streams.readStdin(window.subarray(0, Math.min(a >>> 0, window.length)));
    case SYSTEM_OPERATION.writeStream:
      return streams === null || (a !== 1 && a !== 2)
        ? -ERRNO.nosys
        : streams.write(a, window.subarray(0, Math.min(b >>> 0, window.length)));
    case SYSTEM_OPERATION.sleep:
      if (streams === null) return -ERRNO.nosys;
      streams.sleep(a >>> 0);
      return 0;
    case SYSTEM_OPERATION.log:
      log(a, Buffer.from(window.subarray(0, Math.min(b >>> 0, window.length))).toString("utf8"));
      return 0;
    default:
      return -ERRNO.nosys;
  }
}

/** CPU clocks are the monotonic one: another function's time is nobody's business. */
function clockNs(clock: number): bigint {
  if (clock !== CLOCK_REALTIME) return process.hrtime.bigint();
  const nowUs = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1_000));
  return nowUs > 0n ? nowUs * NS_PER_US : BigInt(Date.now()) * NS_PER_MS;
}
