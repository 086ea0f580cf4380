/**
 * Run requests: what one run of a WebAssembly guest waits for
 * (guest/wasi/host-requests.ts), answered by the same capabilities that
 * JavaScript functions have. Names and arguments come over the channel and are
 * checked here or behind; a refusal is a code for the guest and a line for
 * whoever runs it, because most of Gojinn's signatures have no room for a
 * reason. What is still under way when the run is over is given up.
 */
import { ERRNO } from "../../../guest/wasi/abi.ts";
import type { Result } from "../../base/result.ts";
import { describeBytes, MIB } from "../../base/units.ts";
import type { Allow } from "../../config/config.ts";
import type { CapabilityFailure, HostCapabilities, SqlResult, SqlValue } from "../../host/capabilities.ts";
import { GuestFault } from "../../host/guest-fault.ts";
import { requireTarget } from "../../host/outbound/fetch-target.ts";
import { OpenFetch } from "../../host/outbound/open-fetch.ts";

export interface GuestAnswer {
  /** A WASI error code. */
  readonly code: number;
  readonly bytes: Uint8Array | null;
  readonly number: number;
}

export interface RunRequestsOptions {
  readonly allow: Allow;
  /** What an answer from elsewhere may have: a guest reads it into its own memory. */
  readonly answerMaxBytes: number;
  capabilities(): Promise<HostCapabilities>;
  /** Why something was refused or failed, for the function's log. */
  onRefused(message: string): void;
}

const US_PER_MS = 1_000;
/** Node fires a timer at once that is set for longer. */
const TIMER_MAX_MS = 2 ** 31 - 1;
const DONE: GuestAnswer = { code: ERRNO.success, bytes: null, number: 0 };
const ABSENT: GuestAnswer = { code: ERRNO.noent, bytes: null, number: 0 };

type Operation = (this: RunRequests, ...args: unknown[]) => Promise<GuestAnswer>;

export class RunRequests {
  readonly #options: RunRequestsOptions;
  readonly #over = new AbortController();
  /** Tokens of the locks that the run has taken, by key: Gojinn's unlock names no token. */
  readonly #locks = new Map<string, number>();

  constructor(options: RunRequestsOptions) {
    this.#options = options;
  }

  /** The run is over, or nobody wants its answer any more. Its locks last as long as they were taken for. */
  close(): void {
    this.#over.abort();
  }

  /** Never rejects. */
  async answer(operation: string, args: readonly unknown[]): Promise<GuestAnswer> {
    const run = Object.hasOwn(OPERATIONS, operation) ? OPERATIONS[operation] : undefined;
    if (run === undefined) return { ...ABSENT, code: ERRNO.nosys };
    try {
      return await run.apply(this, [...args]);
    } catch (error) {
      if (error instanceof GuestFault) return this.#refused(error.message);
      if (error instanceof BadArgument)
        return this.#refused(`${operation}: its argument ${args.indexOf(error.value) + 1} ${error.message}`, ERRNO.inval);
      if (error instanceof TypeError) return this.#refused(error.message, ERRNO.inval);
      throw error;
    }
  }

  #refused(message: string, code: number = ERRNO.perm): GuestAnswer {
    this.#options.onRefused(message);
    return { code, bytes: null, number: 0 };
  }

  async take<Value>(outcome: Promise<Result<Value, CapabilityFailure>>, then: (value: Value) => GuestAnswer): Promise<GuestAnswer> {
    const result = await outcome;
    return result.ok ? then(result.value) : this.#refused(result.failure.message, CODES[result.failure.code] ?? ERRNO.io);
  }

  static readonly operations: Readonly<Record<string, Operation>> = {
    async sleep(us) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, Math.min(Math.ceil(Number(us) / US_PER_MS), TIMER_MAX_MS));
      this.#over.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
      await promise;
      return DONE;
    },
    async "kv.get"(name, key) {
      const { kv } = await this.#options.capabilities();
      return this.take(kv.get(nameOf(name), text(key)), (value) => (value === null ? ABSENT : { ...DONE, bytes: value }));
    },
    async "kv.set"(name, key, value, ttlMs = 0) {
      const { kv } = await this.#options.capabilities();
      const options = Number(ttlMs) > 0 ? { ttlMs: Number(ttlMs) } : {};
      return this.take(kv.put(nameOf(name), text(key), bytes(value), options), () => DONE);
    },
    async "kv.delete"(name, key) {
      const { kv } = await this.#options.capabilities();
      return this.take(kv.delete(nameOf(name), text(key)), (wasThere) => (wasThere ? DONE : ABSENT));
    },
    async "sql.run"(name, query, params) {
      const { sql } = await this.#options.capabilities();
      return this.take(sql.query(nameOf(name), text(query), paramsOf(params)), (result) => ({
        ...DONE,
        bytes: Buffer.from(rowsJson(result)),
      }));
    },
    async "lock.lease"(name, key, ttlMs, waitMs) {
      const { lock } = await this.#options.capabilities();
      const options = { ttlMs: Number(ttlMs), waitMs: Number(waitMs), signal: this.#over.signal };
      return this.take(lock.acquire(nameOf(name), text(key), options), (lease) =>
        lease === null ? { ...ABSENT, code: ERRNO.busy } : { ...DONE, number: lease.token },
      );
    },
    async "lock.return"(name, key, token) {
      const { lock } = await this.#options.capabilities();
      return this.take(lock.release(nameOf(name), text(key), Number(token)), (released) => (released ? DONE : ABSENT));
    },
    async "sql.query"(_name, query) {
      const { sql } = await this.#options.capabilities();
      const result = await sql.query(null, text(query));
      if (result.ok) return { ...DONE, bytes: Buffer.from(rowsJson(result.value)) };
      this.#options.onRefused(result.failure.message);
      return { ...DONE, bytes: Buffer.from(JSON.stringify([{ error: result.failure.message }])) };
    },
    async "lock.acquire"(_name, key, ttlMs) {
      const { lock } = await this.#options.capabilities();
      const name = text(key);
      return this.take(lock.acquire(null, name, { ttlMs: Number(ttlMs) }), (lease) => {
        if (lease !== null) this.#locks.set(name, lease.token);
        return { ...DONE, number: lease === null ? 0 : 1 };
      });
    },
    async "lock.release"(_name, key) {
      const { lock } = await this.#options.capabilities();
      const name = text(key);
      const token = this.#locks.get(name);
      if (token === undefined) return DONE;
      this.#locks.delete(name);
      return this.take(lock.release(null, name, token), (released) => ({ ...DONE, number: released ? 1 : 0 }));
    },
    async "blob.get"(bucket, key) {
      const { blob } = await this.#options.capabilities();
      return this.take(blob.get(nameOf(bucket), text(key)), (found) => (found === null ? ABSENT : { ...DONE, bytes: found.bytes }));
    },
    async "blob.put"(bucket, key, content) {
      const { blob } = await this.#options.capabilities();
      return this.take(blob.put(nameOf(bucket), text(key), bytes(content)), () => DONE);
    },
    async "queue.send"(topic, payload, delayMs = 0) {
      const { queue } = await this.#options.capabilities();
      return this.take(queue.enqueue(text(topic), bytes(payload), { delayMs: Number(delayMs) }), () => DONE);
    },
    async "http.get"(url) {
      const { allow } = this.#options;
      const href = text(url);
      if (!URL.canParse(href)) throw new TypeError(`http_get: ${JSON.stringify(href.slice(0, 200))} is not a URL`);
      const target = requireTarget(allow, href);
      const request = { target, method: "GET", headers: [], body: null, redirect: "follow" } as const;
      const fetch = new OpenFetch({ allow, state: new Map() }, request);
      this.#over.signal.addEventListener("abort", () => fetch.close(), { once: true });
      try {
        const { body, status } = await fetch.head();
        return {
          ...DONE,
          number: status,
          bytes: body === "stream" ? await readAll(fetch, this.#options.answerMaxBytes) : (body ?? new Uint8Array(0)),
        };
      } finally {
        fetch.close();
      }
    },
  };
}

const OPERATIONS = RunRequests.operations;

const CODES: Readonly<Partial<Record<CapabilityFailure["code"], number>>> = {
  DENIED: ERRNO.perm,
  INVALID_ARGUMENT: ERRNO.inval,
  TOO_LARGE: ERRNO.toobig,
  BUSY: ERRNO.busy,
  STORAGE_FULL: ERRNO.nospc,
  SQL_TIMEOUT: ERRNO.canceled,
};

/** Answers that arrive lie outside every guest's memory: those of all functions of a worker, together. */
const ARRIVING_MAX_BYTES = 256 * MIB;
let arrivingBytes = 0;

async function readAll(fetch: OpenFetch, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const chunk = await fetch.read();
      if (chunk === null) return Buffer.concat(chunks);
      length += chunk.length;
      arrivingBytes += chunk.length;
      if (length > maxBytes) throw new GuestFault("QuotaExceededError", `http_get: the answer has more than ${describeBytes(maxBytes)}`);
      if (arrivingBytes > ARRIVING_MAX_BYTES)
        throw new GuestFault("QuotaExceededError", `http_get: more than ${describeBytes(ARRIVING_MAX_BYTES)} are arriving at once`);
      chunks.push(chunk);
    }
  } finally {
    arrivingBytes -= length;
  }
}

/** A list of objects, as Gojinn gives rows; bytes as base64, whole numbers beyond 2^53 as text. */
function rowsJson({ columns, rows }: SqlResult): string {
  const shown = rows.map((row) => Object.fromEntries(row.map((value, index) => [columns[index]!, jsonValue(value)])));
  return JSON.stringify(shown);
}

function jsonValue(value: SqlResult["rows"][number][number]): unknown {
  if (typeof value === "bigint") return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
}

/** Null, and "", are the first name that `allow` has. */
function nameOf(value: unknown): string | null {
  const name = value === null ? "" : text(value);
  return name === "" ? null : name;
}

/** A JSON list of null, numbers, texts and booleans (as 0 and 1); nothing at all is no parameters. */
function paramsOf(value: unknown): SqlValue[] {
  const json = text(value);
  if (json === "") return [];
  const list: unknown = parseJson(json);
  if (!Array.isArray(list)) throw new TypeError("sql_query: its parameters are no JSON list");
  return list.map((item: unknown) => {
    if (typeof item === "boolean") return item ? 1 : 0;
    if (item === null || typeof item === "number" || typeof item === "string") return item;
    throw new TypeError("sql_query: a parameter is null, a number, a text or a boolean");
  });
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Which one it is, `answer` finds out. */
class BadArgument extends TypeError {
  readonly value: unknown;

  constructor(value: unknown, whatItIs: string) {
    super(whatItIs);
    this.value = value;
  }
}

/** Throws for what is no UTF-8. */
function text(value: unknown): string {
  const encoded = bytes(value);
  try {
    return decoder.decode(encoded);
  } catch {
    throw new BadArgument(value, "is no UTF-8");
  }
}

function bytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new BadArgument(value, `is no bytes but ${value === null ? "null" : `a ${typeof value}`}`);
}
