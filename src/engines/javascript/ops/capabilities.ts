/**
 * Capability operations: env.KV, env.SQL, env.BLOB, env.QUEUE and env.LOCK of a
 * JavaScript function (guest/capabilities/). Only turns what crossed into the
 * types of src/host/capabilities.ts, which checks every value; failures cross as
 * values with their code.
 */
import type { HostCapabilities, Name, SqlParams, SqlStatement } from "../../../host/capabilities.ts";
import { requireBytes, requireString } from "./arguments.ts";
import { type AsyncOp, GuestFault } from "./op.ts";

type Answer = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly failure: { code: string; message: string } };
type Asking = HostCapabilities & { readonly signal: AbortSignal };
type Asked = (host: Asking, name: Name, ...args: unknown[]) => Promise<Answer>;

const NAME_MAX_LENGTH = 64;

function operation(ask: Asked): AsyncOp {
  return async (context, _callId, name, ...args) => {
    const meant = name === null ? null : requireString(name, "the name", NAME_MAX_LENGTH);
    const host = await context.capabilities();
    if (host === null) throw new GuestFault("InvalidStateError", "There is no store here");
    const answer = await ask({ ...host, signal: context.signal }, meant, ...args);
    return answer.ok ? { value: answer.value } : { ...answer.failure };
  };
}

/** What is no text is refused here: the host is typed, and would trust it. */
const text = (value: unknown): string => requireString(value, "a key, cursor or statement");
const optional = <Value>(value: unknown): Value | undefined => (value ?? undefined) as Value | undefined;

function list(prefix: unknown, limit: unknown, cursor: unknown) {
  return {
    prefix: prefix === undefined ? undefined : text(prefix),
    limit: optional<number>(limit),
    cursor: cursor === undefined ? undefined : text(cursor),
  };
}

const OPERATIONS: Readonly<Record<string, Asked>> = {
  "kv.get": ({ kv }, name, key) => kv.get(name, text(key)),
  "kv.put": ({ kv }, name, key, value, ttlMs) => kv.put(name, text(key), requireBytes(value, "the value"), { ttlMs: optional(ttlMs) }),
  "kv.delete": ({ kv }, name, key) => kv.delete(name, text(key)),
  "kv.list": ({ kv }, name, prefix, limit, cursor) => kv.list(name, list(prefix, limit, cursor)),
  "sql.query": ({ sql }, name, statement, params) => sql.query(name, text(statement), optional<SqlParams>(params)),
  "sql.batch": ({ sql }, name, statements) => sql.batch(name, statements as readonly SqlStatement[]),
  "sql.exec": ({ sql }, name, script) => sql.exec(name, text(script)),
  "blob.get": ({ blob }, name, key) => blob.get(name, text(key)),
  "blob.head": ({ blob }, name, key) => blob.head(name, text(key)),
  "blob.put": ({ blob }, name, key, bytes, contentType) =>
    blob.put(name, text(key), requireBytes(bytes, "the content"), { contentType: optional(contentType) }),
  "blob.delete": ({ blob }, name, key) => blob.delete(name, text(key)),
  "blob.list": ({ blob }, name, prefix, limit, cursor) => blob.list(name, list(prefix, limit, cursor)),
  "queue.enqueue": ({ queue }, name, payload, delayMs, idempotencyKey) =>
    queue.enqueue(name, requireBytes(payload, "the message"), { delayMs: optional(delayMs), idempotencyKey: optional(idempotencyKey) }),
  "lock.acquire": ({ lock, signal }, name, key, ttlMs, waitMs) =>
    lock.acquire(name, text(key), { ttlMs: ttlMs as number, waitMs: optional(waitMs), signal }),
  "lock.renew": ({ lock }, name, key, token, ttlMs) => lock.renew(name, text(key), token as number, ttlMs as number),
  "lock.release": ({ lock }, name, key, token) => lock.release(name, text(key), token as number),
};

export const capabilityAsyncOps: readonly (readonly [string, AsyncOp])[] = Object.entries(OPERATIONS).map(([name, ask]) => [
  name,
  operation(ask),
]);
