/**
 * Codec budget: the host memory that one sandbox's open compressors may take.
 * It lies outside the isolate's heap limit, so it is counted here, by the most
 * each kind can grow to.
 */
import { KIB, MIB } from "../../base/units.ts";
import { GuestFault } from "../guest-fault.ts";
import type { OutboundContext } from "./outbound-context.ts";

export const CODEC_MEMORY_MAX_BYTES = 128 * MIB;

type Direction = "compress" | "decompress";
type Format = "gzip" | "deflate" | "deflate-raw" | "brotli";

/** zlib: (1 << windowBits + 2) + (1 << memLevel + 9) and a 64 KiB chunk; brotli: its window, twice when compressing. */
const COST_BYTES: Readonly<Record<Direction, Readonly<Record<Format, number>>>> = {
  compress: { gzip: 384 * KIB, deflate: 384 * KIB, "deflate-raw": 384 * KIB, brotli: 8 * MIB },
  decompress: { gzip: 128 * KIB, deflate: 128 * KIB, "deflate-raw": 128 * KIB, brotli: 16 * MIB },
};

const reservedBytes = new WeakMap<OutboundContext["state"], number>();

/** Reserves what one codec may take; the returned function gives it back, once. */
export function reserveCodec(context: OutboundContext, direction: Direction, format: Format): () => void {
  const cost = COST_BYTES[direction][format];
  const reserved = reservedBytes.get(context.state) ?? 0;
  if (reserved + cost > CODEC_MEMORY_MAX_BYTES) {
    throw new GuestFault("QuotaExceededError", "Too many compression streams are open in this function: end or cancel some first");
  }
  reservedBytes.set(context.state, reserved + cost);
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    reservedBytes.set(context.state, (reservedBytes.get(context.state) as number) - cost);
  };
}
