/**
 * The host module `gojinn`, with the signatures and the results of Gojinn's own
 * (host_functions.go): what a function may log, keep, lock, send and fetch.
 * Results are as there: a length where something is read (cut to what the guest
 * has room for), 0xffffffff for a key that is missing or denied, 1 for a lock
 * that was taken, 0 for something stored. Why it failed is in the log.
 */
import { NOTED, SYSTEM_OPERATION } from "./channel.ts";
import { type GuestFunction, guarded } from "./guarded.ts";
import type { GuestProcess } from "./guest-process.ts";
import type { HostAnswer } from "./host-requests.ts";

const MISSING = -1;
const OK = 0;
const FAILED = 1;
const S_PER_MS = 1 / 1_000;
/** Gojinn's own locks never end; one without a time here has an hour. */
const DEFAULT_TTL_MS = 3_600_000;

export function gojinnImports(guest: GuestProcess): Record<string, GuestFunction> {
  const { memory, channel } = guest;
  const bytesAt = (pointer: number, length: number): Uint8Array => memory.slice(pointer, length).slice();

  /** Writes as much as there is room for; the length that was written. */
  const give = (bytes: Uint8Array, out: number, max: number): number => {
    const given = bytes.subarray(0, max >>> 0);
    memory.slice(out, given.length).set(given);
    return given.length;
  };
  const read = async (answer: Promise<HostAnswer>, out: number, max: number, otherwise: number): Promise<number> => {
    const { code, bytes } = await answer;
    return code === 0 && bytes !== null ? give(bytes, out, max) : otherwise;
  };

  const imports: Record<string, GuestFunction> = {
    host_log(level: number, pointer: number, length: number): number {
      const text = memory.slice(pointer, length).subarray(0, channel.window.length);
      guest.noted |= NOTED.touchedRequest;
      channel.window.set(text);
      channel.call(SYSTEM_OPERATION.log, level, text.length, 0, 0, 0);
      return OK;
    },
    host_kv_set: (key: number, keyLength: number, value: number, valueLength: number) =>
      guest.ask("kv.set", null, bytesAt(key, keyLength), bytesAt(value, valueLength)).then(() => OK),
    host_kv_get: (key: number, keyLength: number, out: number, max: number) =>
      read(guest.ask("kv.get", null, bytesAt(key, keyLength)), out, max, MISSING),
    host_db_query: (query: number, queryLength: number, out: number, max: number) =>
      read(guest.ask("sql.query", null, bytesAt(query, queryLength)), out, max, 0),
    host_mutex_lock: (key: number, keyLength: number, ttlS: number) =>
      guest
        .ask("lock.acquire", null, bytesAt(key, keyLength), ttlS === 0 ? DEFAULT_TTL_MS : (ttlS >>> 0) / S_PER_MS)
        .then(({ number }) => number),
    host_mutex_unlock: (key: number, keyLength: number) =>
      guest.ask("lock.release", null, bytesAt(key, keyLength)).then(({ number }) => number),
    host_s3_put: (key: number, keyLength: number, body: number, bodyLength: number) =>
      guest.ask("blob.put", null, bytesAt(key, keyLength), bytesAt(body, bodyLength)).then(({ code }) => (code === 0 ? OK : FAILED)),
    host_s3_get: (key: number, keyLength: number, out: number, max: number) =>
      read(guest.ask("blob.get", null, bytesAt(key, keyLength)), out, max, 0),
    host_enqueue: (name: number, nameLength: number, payload: number, payloadLength: number) =>
      guest.ask("queue.send", bytesAt(name, nameLength), bytesAt(payload, payloadLength)).then(({ code }) => (code === 0 ? OK : FAILED)),
    host_http_get: (url: number, urlLength: number, out: number, max: number) =>
      readLong(read(guest.ask("http.get", bytesAt(url, urlLength)), out, max, 0)),
    host_ask_ai: (_prompt: number, _promptLength: number, out: number, max: number) => BigInt(give(NOT_CONFIGURED, out, max)),
    host_ws_upgrade: () => OK,
    host_ws_read: () => 0n,
    host_ws_write: () => OK,
  };
  return Object.fromEntries(Object.entries(imports).map(([name, run]) => [name, guarded(guest, name, run, FALLBACKS[name] ?? OK)]));
}

/** What those answer whose pointers lead out of the guest's memory, where it is not 0. */
const FALLBACKS: Readonly<Record<string, number | bigint>> = {
  host_kv_get: MISSING,
  host_s3_put: FAILED,
  host_enqueue: FAILED,
  host_ask_ai: 0n,
  host_ws_read: 0n,
  host_http_get: 0n,
};

/** The answer of what nobody set up: `{"error": "not configured"}`. */
const NOT_CONFIGURED = Uint8Array.from('{"error": "not configured"}', (character) => character.charCodeAt(0));

/** An i64 is a bigint on this side. */
function readLong(length: Promise<number>): Promise<bigint> {
  return length.then(BigInt);
}
