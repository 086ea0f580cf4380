/**
 * The module `wasi_snapshot_preview1` of one guest process: arguments,
 * environment, clocks, randomness, streams, waiting, the end; files and folders
 * come from files.ts. Pointers and lengths come from hostile code: whatever
 * leaves the memory is EFAULT, and nothing else is ever thrown but an end.
 */
import { CLOCK, ERRNO, EVENT_BYTES, EVENTTYPE, IOVEC_BYTES, RIGHTS, SUBCLOCK_ABSTIME, SUBSCRIPTION_BYTES } from "./abi.ts";
import { NOTED } from "./channel.ts";
import type { Descriptor } from "./fd-table.ts";
import { IOVECS_MAX } from "./file-transfer.ts";
import { fileImports } from "./files.ts";
import { type GuestFunction, guarded } from "./guarded.ts";
import { Exit, type GuestProcess } from "./guest-process.ts";

const SUBSCRIPTIONS_MAX = 4096;
const US_PER_NS = 1_000n;
const LONGEST_SLEEP_US = 2 ** 31;

export function wasiImports(guest: GuestProcess): Record<string, GuestFunction> {
  const files = fileImports(guest);
  const { memory, gate } = guest;

  const stringList = (list: () => readonly Uint8Array[], isRequest: () => boolean) => ({
    sizes(countPointer: number, bytesPointer: number): number {
      if (isRequest() && gate.stops()) return ERRNO.success;
      const strings = list();
      const { view } = memory;
      view.setUint32(countPointer >>> 0, strings.length, true);
      view.setUint32(
        bytesPointer >>> 0,
        strings.reduce((sum, { length }) => sum + length, 0),
        true,
      );
      return ERRNO.success;
    },
    get(pointers: number, bytesPointer: number): number {
      if (isRequest() && gate.stops()) return ERRNO.success;
      const { view } = memory;
      let at = bytesPointer >>> 0;
      for (const [index, string] of list().entries()) {
        memory.slice(at, string.length).set(string);
        view.setUint32((pointers >>> 0) + 4 * index, at, true);
        at += string.length;
      }
      return ERRNO.success;
    },
  });
  const args = stringList(
    () => guest.args,
    () => false,
  );
  const environ = stringList(
    () => guest.environ,
    () => guest.environIsRequest,
  );

  const imports: Record<string, GuestFunction> = {
    ...files,
    args_sizes_get: args.sizes,
    args_get: args.get,
    environ_sizes_get: environ.sizes,
    environ_get: environ.get,
    clock_res_get(clock: number, pointer: number): number {
      if (clock < CLOCK.realtime || clock > CLOCK.threadCputime) return ERRNO.inval;
      memory.view.setBigUint64(pointer >>> 0, 1_000n, true);
      return ERRNO.success;
    },
    clock_time_get(clock: number, _precision: bigint, pointer: number): number {
      const nowNs = guest.nowNs(clock);
      if (nowNs === null) return ERRNO.inval;
      memory.view.setBigUint64(pointer >>> 0, nowNs, true);
      return ERRNO.success;
    },
    random_get(pointer: number, length: number): number {
      guest.fillRandom(memory.slice(pointer, length));
      return ERRNO.success;
    },
    sched_yield: () => ERRNO.success,
    proc_exit(code: number): number {
      throw new Exit(code);
    },
    proc_raise: () => ERRNO.nosys,
    fd_read(fd: number, iovecs: number, count: number, readPointer: number): number {
      const descriptor = guest.descriptors.get(fd);
      if (descriptor?.kind !== "stdin")
        return files["fd_read"]!(fd as never, iovecs as never, count as never, readPointer as never) as number;
      if (gate.stops()) return ERRNO.success;
      if ((descriptor.rightsBase & RIGHTS.fdRead) === 0n) return ERRNO.badf;
      if (count >>> 0 > IOVECS_MAX) return ERRNO.inval;
      let total = 0;
      for (let index = 0; index < count; index++) {
        const at = (iovecs >>> 0) + index * IOVEC_BYTES;
        const into = memory.slice(memory.view.getUint32(at, true), memory.view.getUint32(at + 4, true));
        if (into.length === 0) continue;
        const got = guest.stdin.read(into);
        if (got < 0) return -got;
        total += got;
        // A short read ends the call: what is live may not have more yet.
        if (got < into.length) break;
      }
      memory.view.setUint32(readPointer >>> 0, total, true);
      return ERRNO.success;
    },
    fd_write(fd: number, iovecs: number, count: number, writtenPointer: number): number {
      const descriptor = guest.descriptors.get(fd);
      const kind = descriptor?.kind;
      if (kind !== "stdout" && kind !== "stderr")
        return files["fd_write"]!(fd as never, iovecs as never, count as never, writtenPointer as never) as number;
      if ((descriptor!.rightsBase & RIGHTS.fdWrite) === 0n) return ERRNO.badf;
      if (count >>> 0 > IOVECS_MAX) return ERRNO.inval;
      const output = kind === "stdout" ? guest.stdout : guest.stderr;
      let total = 0;
      for (let index = 0; index < count; index++) {
        const at = (iovecs >>> 0) + index * IOVEC_BYTES;
        const bytes = memory.slice(memory.view.getUint32(at, true), memory.view.getUint32(at + 4, true));
        if (bytes.length === 0) continue;
        const put = output.write(bytes);
        if (put < 0) return -put;
        total += put;
        if (put < bytes.length) break;
      }
      memory.view.setUint32(writtenPointer >>> 0, total, true);
      return ERRNO.success;
    },
    poll_oneoff: (input: number, output: number, count: number, stored: number) =>
      poll(guest, input >>> 0, output >>> 0, count >>> 0, stored),
    sock_accept: (fd: number) => notASocket(guest.descriptors.get(fd)),
    sock_recv: (fd: number) => notASocket(guest.descriptors.get(fd)),
    sock_send: (fd: number) => notASocket(guest.descriptors.get(fd)),
    sock_shutdown: (fd: number) => notASocket(guest.descriptors.get(fd)),
  };
  return Object.fromEntries(Object.entries(imports).map(([name, run]) => [name, guarded(guest, name, run, ERRNO.fault)]));
}

/** There are no sockets: a descriptor that exists is something else. */
function notASocket(descriptor: Descriptor | undefined): number {
  return descriptor === undefined ? ERRNO.badf : ERRNO.notsock;
}

interface Subscription {
  readonly userdata: bigint;
  readonly type: number;
  readonly errno: number;
  /** When it fires, in microseconds from now; 0 is at once. */
  readonly delayUs: number;
  readonly byteCount: number;
}

/**
 * Streams and files are always ready (input is whole, output is collected), so
 * only clocks alone make anybody wait.
 */
function poll(guest: GuestProcess, input: number, output: number, count: number, storedPointer: number): number | Promise<number> {
  if (count === 0 || count > SUBSCRIPTIONS_MAX) return ERRNO.inval;
  guest.memory.slice(output, count * EVENT_BYTES);
  guest.memory.slice(storedPointer, 4);
  const subscriptions = Array.from({ length: count }, (_, index) => subscriptionAt(guest, input + index * SUBSCRIPTION_BYTES));
  const delayUs = Math.min(...subscriptions.map((one) => one.delayUs));
  const store = (): number => storeEvents(guest, output, storedPointer, subscriptions, delayUs);
  if (delayUs <= 0) return store();
  const slept = sleep(guest, delayUs);
  return slept instanceof Promise ? slept.then(store) : store();
}

/** However long it is: a part at a time. */
function sleep(guest: GuestProcess, us: number): void | Promise<void> {
  const restUs = us - LONGEST_SLEEP_US;
  if (restUs <= 0) return guest.sleep(us);
  const slept = guest.sleep(LONGEST_SLEEP_US);
  return slept instanceof Promise ? slept.then(() => sleep(guest, restUs)) : sleep(guest, restUs);
}

function subscriptionAt(guest: GuestProcess, at: number): Subscription {
  const { view } = guest.memory;
  const userdata = view.getBigUint64(at, true);
  const type = view.getUint8(at + 8);
  const ready = (errno: number, byteCount = 0): Subscription => ({ userdata, type, errno, delayUs: 0, byteCount });
  if (type === EVENTTYPE.clock) {
    const clock = view.getUint32(at + 16, true);
    const timeoutNs = view.getBigUint64(at + 24, true);
    const isMoment = (view.getUint16(at + 40, true) & SUBCLOCK_ABSTIME) !== 0;
    const nowNs = guest.nowNs(clock);
    if (nowNs === null) return ready(ERRNO.inval);
    const waitNs = isMoment ? timeoutNs - nowNs : timeoutNs;
    // Up, never down: who wakes early sees that its time has not come and sleeps again.
    return { ...ready(ERRNO.success), delayUs: waitNs <= 0n ? 0 : Number((waitNs + US_PER_NS - 1n) / US_PER_NS) };
  }
  if (type !== EVENTTYPE.fdRead && type !== EVENTTYPE.fdWrite) return ready(ERRNO.inval);
  const descriptor = guest.descriptors.get(view.getUint32(at + 16, true));
  if (descriptor === undefined) return ready(ERRNO.badf);
  if ((descriptor.rightsBase & RIGHTS.pollFdReadwrite) === 0n) return ready(ERRNO.notcapable);
  if (descriptor.kind !== "stdin") return ready(ERRNO.success);
  guest.noted |= NOTED.touchedRequest;
  return ready(ERRNO.success, guest.stdin.availableBytes);
}

function storeEvents(
  { memory: { view } }: GuestProcess,
  output: number,
  storedPointer: number,
  subscriptions: readonly Subscription[],
  elapsedUs: number,
): number {
  const due = subscriptions.filter(({ delayUs }) => delayUs <= Math.max(0, elapsedUs));
  for (const [index, { userdata, errno, type, byteCount }] of due.entries()) {
    const at = output + index * EVENT_BYTES;
    view.setBigUint64(at, userdata, true);
    view.setUint16(at + 8, errno, true);
    view.setUint8(at + 10, type);
    view.setBigUint64(at + 16, BigInt(byteCount), true);
    view.setUint16(at + 24, 0, true);
  }
  view.setUint32(storedPointer >>> 0, due.length, true);
  return ERRNO.success;
}
