/**
 * Flight record: which functions were executing when a worker died. The
 * worker writes a small file, the supervisor reads it after the death; bytes
 * handed to the kernel survive SIGKILL and a crash inside V8.
 *
 * Slot 0 is the loop lane. A write costs about 1 us, as much as a sandboxed call, so
 * it is written only when a *different* function is about to run, and leaving
 * it writes nothing: a hot function costs one comparison a call. The slot may
 * therefore name a function that had already returned; `rest()`, called by
 * every heartbeat, empties it: while the heartbeat runs no turn does, so that
 * calls which only wait accuse nobody. The other slots are calls in the thread
 * lane: rare, long, entered and left each time.
 */
import { dirname } from "node:path";
import { builtin } from "../base/builtin.ts";
import { sha256 } from "../base/sha256.ts";

export const LOOP_LANE_SLOT = 0;

const SLOT_BYTES = 256;
const LENGTH_BYTES = 2;
const NAME_MAX_BYTES = SLOT_BYTES - LENGTH_BYTES;
const SLOT_COUNT_MAX = 1_024;

export interface FlightRecord {
  /** Before a turn of `functionId` runs in this slot. */
  enter(slot: number, functionId: string): void;
  /** After it returned; nothing to do for the loop lane. */
  leave(slot: number): void;
  /** No turn runs on the loop: empties the loop lane. */
  rest(): void;
  close(): void;
}

/** Creates (or empties) the file. Called once, by the worker that the file belongs to. */
export function createFlightRecord(file: string, slotCount: number): FlightRecord {
  builtin.fs.mkdirSync(dirname(file), { recursive: true });
  const descriptor = builtin.fs.openSync(file, "w+", 0o600);
  const encoded = new Map<string, Buffer>();
  const empty = new Uint8Array(LENGTH_BYTES);
  const written: string[] = new Array<string>(slotCount).fill("");
  builtin.fs.writeSync(descriptor, new Uint8Array(slotCount * SLOT_BYTES), 0, slotCount * SLOT_BYTES, 0);

  function clear(slot: number): void {
    if (slot >= slotCount || written[slot] === "") return;
    written[slot] = "";
    builtin.fs.writeSync(descriptor, empty, 0, LENGTH_BYTES, slot * SLOT_BYTES);
  }

  return {
    enter(slot, functionId) {
      if (written[slot] === functionId || slot >= slotCount) return;
      written[slot] = functionId;
      let bytes = encoded.get(functionId);
      if (bytes === undefined) {
        bytes = encodeSlot(functionId);
        encoded.set(functionId, bytes);
      }
      builtin.fs.writeSync(descriptor, bytes, 0, bytes.length, slot * SLOT_BYTES);
    },
    leave(slot) {
      if (slot !== LOOP_LANE_SLOT) clear(slot);
    },
    rest() {
      clear(LOOP_LANE_SLOT);
    },
    close() {
      builtin.fs.closeSync(descriptor);
    },
  };
}

/**
 * The distinct flight keys of a dead worker's record. Empty when there is no
 * file: a worker may die before it writes one. The writer ran hostile code in
 * its process, so lengths and count are checked before they are believed.
 */
export function readFlightRecord(file: string): string[] {
  let bytes: Buffer;
  try {
    bytes = builtin.fs.readFileSync(file);
  } catch {
    return [];
  }
  const keys = new Set<string>();
  const slotCount = Math.min(SLOT_COUNT_MAX, Math.floor(bytes.length / SLOT_BYTES));
  for (let slot = 0; slot < slotCount; slot++) {
    const start = slot * SLOT_BYTES;
    const length = bytes.readUInt16LE(start);
    if (length === 0 || length > NAME_MAX_BYTES) continue;
    keys.add(bytes.toString("utf8", start + LENGTH_BYTES, start + LENGTH_BYTES + length));
  }
  return [...keys];
}

/** What the record holds for a function: its id, or a digest of an id too long for a slot. */
export function flightKey(functionId: string): string {
  if (Buffer.byteLength(functionId) <= NAME_MAX_BYTES) return functionId;
  return `sha256:${sha256(functionId)}`;
}

/** Length and name in one write: a reader never sees one without the other. */
function encodeSlot(functionId: string): Buffer {
  const name = Buffer.from(flightKey(functionId), "utf8");
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + name.length);
  bytes.writeUInt16LE(name.length, 0);
  name.copy(bytes, LENGTH_BYTES);
  return bytes;
}
