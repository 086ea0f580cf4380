/**
 * The host module `pilotlight`: what `gojinn` offers, for guests written for us.
 * Every function returns a WASI error code; what is read comes with its whole
 * length, also where the guest has too little room (ERANGE, nothing written), so
 * that it can ask again with enough; names, time-outs and bound parameters are
 * arguments. docs/wasm.md has the signatures in C.
 */
import { ERRNO } from "./abi.ts";
import { type GuestFunction, guarded } from "./guarded.ts";
import type { GuestProcess } from "./guest-process.ts";
import type { HostAnswer } from "./host-requests.ts";

export function pilotlightImports(guest: GuestProcess): Record<string, GuestFunction> {
  const { memory } = guest;
  const bytesAt = (pointer: number, length: number): Uint8Array => memory.slice(pointer, length).slice();
  /** Where results go, before anything is asked for: what is done can't be undone when it has no place. */
  const outAt = (pointer: number, length: number): void => {
    // Nowhere is a place for nothing.
    if (length !== 0) memory.slice(pointer, length);
  };
  const done = ({ code }: HostAnswer): number => code;

  /** Whole or not at all, and always how long it is. */
  const give = ({ code, bytes }: HostAnswer, out: number, max: number, needed: number): number => {
    if (code !== ERRNO.success || bytes === null) return code;
    memory.view.setUint32(needed >>> 0, bytes.length, true);
    if (bytes.length > max >>> 0) return ERRNO.range;
    memory.slice(out, bytes.length).set(bytes);
    return ERRNO.success;
  };

  const imports: Record<string, GuestFunction> = {
    kv_get(name: number, nameLength: number, key: number, keyLength: number, out: number, max: number, needed: number) {
      outAt(out, max);
      outAt(needed, 4);
      return guest.ask("kv.get", bytesAt(name, nameLength), bytesAt(key, keyLength)).then((answer) => give(answer, out, max, needed));
    },
    kv_set: (name: number, nameLength: number, key: number, keyLength: number, value: number, valueLength: number, ttlMs: number) =>
      guest.ask("kv.set", bytesAt(name, nameLength), bytesAt(key, keyLength), bytesAt(value, valueLength), ttlMs >>> 0).then(done),
    kv_delete: (name: number, nameLength: number, key: number, keyLength: number) =>
      guest.ask("kv.delete", bytesAt(name, nameLength), bytesAt(key, keyLength)).then(done),
    sql_query(
      name: number,
      nameLength: number,
      sql: number,
      sqlLength: number,
      params: number,
      paramsLength: number,
      out: number,
      max: number,
      needed: number,
    ) {
      outAt(out, max);
      outAt(needed, 4);
      return guest
        .ask("sql.run", bytesAt(name, nameLength), bytesAt(sql, sqlLength), bytesAt(params, paramsLength))
        .then((answer) => give(answer, out, max, needed));
    },
    blob_get(name: number, nameLength: number, key: number, keyLength: number, out: number, max: number, needed: number) {
      outAt(out, max);
      outAt(needed, 4);
      return guest.ask("blob.get", bytesAt(name, nameLength), bytesAt(key, keyLength)).then((answer) => give(answer, out, max, needed));
    },
    blob_put: (name: number, nameLength: number, key: number, keyLength: number, content: number, contentLength: number) =>
      guest.ask("blob.put", bytesAt(name, nameLength), bytesAt(key, keyLength), bytesAt(content, contentLength)).then(done),
    queue_send: (topic: number, topicLength: number, payload: number, payloadLength: number, delayMs: number) =>
      guest.ask("queue.send", bytesAt(topic, topicLength), bytesAt(payload, payloadLength), delayMs >>> 0).then(done),
    lock_acquire(name: number, nameLength: number, key: number, keyLength: number, ttlMs: number, waitMs: number, token: number) {
      outAt(token, 8);
      return guest
        .ask("lock.lease", bytesAt(name, nameLength), bytesAt(key, keyLength), ttlMs >>> 0, waitMs >>> 0)
        .then(({ code, number }) => {
          if (code === ERRNO.success) memory.view.setBigUint64(token >>> 0, BigInt(number), true);
          return code;
        });
    },
    lock_release: (name: number, nameLength: number, key: number, keyLength: number, token: bigint) =>
      guest.ask("lock.return", bytesAt(name, nameLength), bytesAt(key, keyLength), Number(BigInt.asUintN(64, token))).then(done),
    http_get(url: number, urlLength: number, out: number, max: number, needed: number, status: number) {
      outAt(out, max);
      outAt(needed, 4);
      outAt(status, 4);
      return guest.ask("http.get", bytesAt(url, urlLength)).then((answer) => {
        if (answer.code === ERRNO.success) memory.view.setUint32(status >>> 0, answer.number, true);
        return give(answer, out, max, needed);
      });
    },
  };
  return Object.fromEntries(Object.entries(imports).map(([name, run]) => [name, guarded(guest, name, run, ERRNO.fault)]));
}
