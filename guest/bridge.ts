/**
 * Bridge: the way out of the sandbox, but for answers (dispatch.ts has the third
 * callback). The host passes them at boot; module scope keeps guest code from naming them.
 * Values that cross are structured clones: primitives, ArrayBuffers, typed
 * arrays, plain objects and arrays of those. No host object ever gets in.
 */

export type Cloneable =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | ArrayBuffer
  | ArrayBufferView
  | Cloneable[]
  | { [key: string]: Cloneable };

/** What a host operation returns instead of throwing; host stacks must not leak in. */
interface HostFault {
  readonly $fault: string;
  readonly message: string;
}

type SyncCallback = (operation: string, ...args: Cloneable[]) => unknown;
type AsyncCallback = (operation: string, ticket: number, callId: number, ...args: Cloneable[]) => unknown;

let syncCallback: SyncCallback;
let asyncCallback: AsyncCallback;

interface Waiter {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly callId: number;
}

const waiters = new Map<number, Waiter>();
let ticketCount = 0;

/** Id of the call whose code is running now; 0 while the module loads. Best effort after an await. */
export const current = { callId: 0 };

export function connect(sync: SyncCallback, async_: AsyncCallback): void {
  syncCallback = sync;
  asyncCallback = async_;
}

/** Runs a host operation and returns its value; throws the fault it names. */
export function hostSync(operation: string, ...args: Cloneable[]): unknown {
  const value = syncCallback(operation, ...args);
  if (isFault(value)) throw toError(value);
  return value;
}

/** Starts a host operation; settles in a later turn of this sandbox. */
export function hostAsync(operation: string, ...args: Cloneable[]): Promise<unknown> {
  const ticket = ++ticketCount;
  return new Promise((resolve, reject) => {
    const refused = asyncCallback(operation, ticket, current.callId, ...args);
    if (isFault(refused)) reject(toError(refused));
    else waiters.set(ticket, { resolve, reject, callId: current.callId });
  });
}

/** Entered by the host when an operation has ended. */
export function settle(ticket: number, value: unknown): void {
  const waiter = waiters.get(ticket);
  if (waiter === undefined) return;
  waiters.delete(ticket);
  current.callId = waiter.callId;
  if (isFault(value)) waiter.reject(toError(value));
  else waiter.resolve(value);
}

function isFault(value: unknown): value is HostFault {
  return typeof value === "object" && value !== null && typeof (value as HostFault).$fault === "string";
}

const ERROR_TYPES: Record<string, ErrorConstructor> = { TypeError, RangeError, SyntaxError, Error };

function toError(fault: HostFault): Error {
  const Type = ERROR_TYPES[fault.$fault];
  if (Type !== undefined) return new Type(fault.message);
  // Anything else is a DOMException by name; the class registers itself here (dom-exception.ts).
  return domException(fault.message, fault.$fault);
}

let domException = (message: string, name: string): Error => Object.assign(new Error(message), { name });

export function registerDomException(make: (message: string, name: string) => Error): void {
  domException = make;
}
