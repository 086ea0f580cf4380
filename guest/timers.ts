/**
 * Timers of the HTML standard, kept inside the sandbox in a binary heap, with
 * one alarm at the host for the earliest. A guest that starts a hundred
 * thousand timers spends its own memory and one host timer, not ours.
 */
import { current, hostSync } from "./bridge.ts";

interface Timer {
  readonly id: number;
  dueMs: number;
  /** Order of creation, for equal due times. */
  sequence: number;
  readonly repeatMs: number | null;
  readonly callback: (...args: unknown[]) => void;
  readonly args: unknown[];
  readonly callId: number;
}

const LONGEST_DELAY_MS = 2 ** 31 - 1;
/** Repeats faster than this would keep a worker's loop busy for nothing; HTML clamps nested timers to 4 ms too. */
const SHORTEST_REPEAT_MS = 1;

const heap: Timer[] = [];
const live = new Map<number, Timer>();
let idCount = 0;
let sequenceCount = 0;
let alarmMs = Number.POSITIVE_INFINITY;

export function setTimeout(callback: unknown, delayMs?: unknown, ...args: unknown[]): number {
  return add(callback, delayMs, args, false);
}

export function setInterval(callback: unknown, delayMs?: unknown, ...args: unknown[]): number {
  return add(callback, delayMs, args, true);
}

export function clearTimeout(id?: unknown): void {
  const key = Number(id);
  // The entry stays in the heap until it is due: removing it there would cost a search.
  live.delete(key);
  if (live.size === 0) {
    heap.length = 0;
    arm();
  } else if (heap.length > 64 && heap.length > live.size * 4) compact();
}

export function setImmediate(callback: unknown, ...args: unknown[]): number {
  return add(callback, 0, args, false);
}

/** Entered by the host when the alarm rings: runs what is due, then arms the next. */
export function ring(report: (error: unknown) => void): void {
  alarmMs = Number.POSITIVE_INFINITY;
  const nowMs = Date.now();
  // Timers that callbacks add now run in a later turn, so that each turn ends.
  const lastSequence = sequenceCount;
  while (heap.length > 0) {
    const timer = heap[0] as Timer;
    if (live.get(timer.id) !== timer) {
      pop();
      continue;
    }
    if (timer.dueMs > nowMs || timer.sequence > lastSequence) break;
    pop();
    if (timer.repeatMs === null) live.delete(timer.id);
    else {
      timer.dueMs = nowMs + timer.repeatMs;
      timer.sequence = ++sequenceCount;
      push(timer);
    }
    current.callId = timer.callId;
    try {
      timer.callback(...timer.args);
    } catch (error) {
      report(error);
    }
  }
  arm();
}

function add(callback: unknown, delayMs: unknown, args: unknown[], repeats: boolean): number {
  if (typeof callback !== "function") throw new TypeError("The timer's callback is not a function");
  const asked = Number(delayMs);
  const wait = asked > 0 ? Math.min(asked, LONGEST_DELAY_MS) : 0;
  const timer: Timer = {
    id: ++idCount,
    dueMs: Date.now() + wait,
    sequence: ++sequenceCount,
    repeatMs: repeats ? Math.max(wait, SHORTEST_REPEAT_MS) : null,
    callback: callback as (...args: unknown[]) => void,
    args,
    callId: current.callId,
  };
  live.set(timer.id, timer);
  push(timer);
  arm();
  return timer.id;
}

/** Tells the host when to ring next, if that has changed. */
function arm(): void {
  const next = heap.length === 0 ? Number.POSITIVE_INFINITY : (heap[0] as Timer).dueMs;
  if (next === alarmMs || (next === Number.POSITIVE_INFINITY && alarmMs === next)) return;
  // An alarm that rings early costs one empty turn; one that rings late breaks a promise.
  if (next > alarmMs && alarmMs !== Number.POSITIVE_INFINITY && next !== Number.POSITIVE_INFINITY) return;
  alarmMs = next;
  hostSync("timer.alarm", next === Number.POSITIVE_INFINITY ? -1 : Math.max(0, next - Date.now()));
}

function before(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence);
}

function push(timer: Timer): void {
  let at = heap.length;
  heap.push(timer);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(timer, heap[parent] as Timer)) break;
    heap[at] = heap[parent] as Timer;
    at = parent;
  }
  heap[at] = timer;
}

function pop(): void {
  const last = heap.pop() as Timer;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = at * 2 + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Timer, heap[child] as Timer)) child++;
    if (!before(heap[child] as Timer, last)) break;
    heap[at] = heap[child] as Timer;
    at = child;
  }
  heap[at] = last;
}

function compact(): void {
  const kept = heap.filter((timer) => live.get(timer.id) === timer);
  heap.length = 0;
  for (const timer of kept) push(timer);
}
