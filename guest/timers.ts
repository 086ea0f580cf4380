/**
 * Timers of the HTML standard, kept inside the sandbox in a binary heap, with
 * one alarm at the host for the earliest. A guest that starts a hundred
 * thousand timers spends its own memory and one host timer, not ours. Each
 * callback is a task of its own: V8 runs microtasks when a turn ends, so of
 * several due timers each gets a turn.
 */
import { current, hostSync } from "./bridge.ts";
import { monotonicMs } from "./clock.ts";

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
/** As Node has it: a timer that starts itself again at once must not keep a worker's loop busy. */
const SHORTEST_DELAY_MS = 1;
/** Timers that are due together beyond this share a turn: a turn of the thread lane costs 55 us. */
const TASKS_IN_ROW_MAX = 100;

const heap: Timer[] = [];
const live = new Map<number, Timer>();
let idCount = 0;
let sequenceCount = 0;
let alarmMs = Number.POSITIVE_INFINITY;
/** Turns in a row that ended with another timer due. */
let tasksInRow = 0;

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

/** Entered by the host when the alarm rings: runs the first timer that is due, then arms the next. */
export function ring(report: (error: unknown) => void): void {
  alarmMs = Number.POSITIVE_INFINITY;
  const nowMs = monotonicMs();
  // Timers that callbacks add now run in a later turn, so that each turn ends.
  const lastSequence = sequenceCount;
  let due = firstDue(nowMs, lastSequence);
  while (due !== undefined) {
    run(due, nowMs, report);
    due = firstDue(nowMs, lastSequence);
    if (tasksInRow < TASKS_IN_ROW_MAX) break;
  }
  tasksInRow = due === undefined ? 0 : tasksInRow + 1;
  arm();
}

function firstDue(nowMs: number, lastSequence: number): Timer | undefined {
  while (heap.length > 0) {
    const timer = heap[0] as Timer;
    if (live.get(timer.id) === timer) return timer.dueMs <= nowMs && timer.sequence <= lastSequence ? timer : undefined;
    pop();
  }
  return undefined;
}

/** The timer at the top of the heap. */
function run(timer: Timer, nowMs: number, report: (error: unknown) => void): void {
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

function add(callback: unknown, delayMs: unknown, args: unknown[], repeats: boolean): number {
  if (typeof callback !== "function") throw new TypeError("The timer's callback is not a function");
  const asked = Number(delayMs);
  const wait = asked >= SHORTEST_DELAY_MS ? Math.min(asked, LONGEST_DELAY_MS) : SHORTEST_DELAY_MS;
  const timer: Timer = {
    id: ++idCount,
    dueMs: monotonicMs() + wait,
    sequence: ++sequenceCount,
    repeatMs: repeats ? wait : null,
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
  // 0 asks for another turn at once.
  hostSync("timer.alarm", next === Number.POSITIVE_INFINITY ? -1 : Math.max(0, Math.ceil(next - monotonicMs())));
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
