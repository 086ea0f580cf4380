/**
 * Web Cryptography: random numbers and digests. Randomness comes from the
 * host's generator in blocks, never from anything in the snapshot, which every
 * sandbox shares. `subtle` is subtle-crypto.ts, made when first asked for.
 */
import { hostSync } from "./bridge.ts";
import { DOMException } from "./dom-exception.ts";
import { SubtleCrypto } from "./subtle-crypto.ts";

const QUOTA_BYTES = 65_536;
const BLOCK_BYTES = 1024;
const INTEGER_ARRAYS = new Set([
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "BigInt64Array",
  "BigUint64Array",
]);
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

let block = new Uint8Array(0);
let blockAt = 0;

class Crypto {
  #subtle: SubtleCrypto | null = null;

  get subtle(): SubtleCrypto {
    this.#subtle ??= new SubtleCrypto();
    return this.#subtle;
  }

  getRandomValues<View extends ArrayBufferView>(view: View): View {
    if (!ArrayBuffer.isView(view) || !INTEGER_ARRAYS.has((view as unknown as Uint8Array)[Symbol.toStringTag] as string)) {
      throw new DOMException("crypto.getRandomValues: the argument is not an array of integers", "TypeMismatchError");
    }
    if (view.byteLength > QUOTA_BYTES) {
      throw new DOMException(`crypto.getRandomValues: at most ${QUOTA_BYTES} bytes at a time`, "QuotaExceededError");
    }
    new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(randomBytes(view.byteLength));
    return view;
  }

  randomUUID(): string {
    const bytes = randomBytes(16);
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
    let text = "";
    for (let at = 0; at < 16; at++) {
      if (at === 4 || at === 6 || at === 8 || at === 10) text += "-";
      text += HEX[bytes[at] as number];
    }
    return text;
  }

  get [Symbol.toStringTag](): string {
    return "Crypto";
  }
}

/** Bytes nobody got before: what is handed out leaves the block. */
function randomBytes(count: number): Uint8Array {
  if (count > BLOCK_BYTES / 4) return hostSync("crypto.random", count) as Uint8Array;
  if (blockAt + count > block.length) {
    block = hostSync("crypto.random", BLOCK_BYTES) as Uint8Array<ArrayBuffer>;
    blockAt = 0;
  }
  const bytes = block.slice(blockAt, blockAt + count);
  block.fill(0, blockAt, blockAt + count);
  blockAt += count;
  return bytes;
}

export const crypto = new Crypto();
