/**
 * Shared blocks: the memory through which host and shim talk, one for each open
 * sandbox. V8 doesn't count shared memory as a reason to collect garbage, so
 * blocks of closed sandboxes would pile up; a few are wiped and used again.
 */
import { BLOCK_BYTES } from "../../../guest/wasi/channel.ts";

const KEPT_MAX = 8;

const kept: SharedArrayBuffer[] = [];

export function takeBlock(): SharedArrayBuffer {
  return kept.pop() ?? new SharedArrayBuffer(BLOCK_BYTES);
}

/** Only when nothing can write to it any more: its isolate is gone, and no turn of it runs. */
export function giveBlock(block: SharedArrayBuffer): void {
  if (kept.length === KEPT_MAX) return;
  new Uint8Array(block).fill(0);
  kept.push(block);
}
