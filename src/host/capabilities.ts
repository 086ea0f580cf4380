/**
 * Host capabilities: what a function may keep, send and lock, for every engine.
 * The interface alone; each method checks the function's `allow`, the names and
 * the sizes, and gives an expected failure back as a value. Types only: what
 * stands behind them (capability-host.ts) is loaded by its first use.
 */
import type { Result } from "../base/result.ts";
import type { Allow } from "../config/config.ts";

export type CapabilityName = "kv" | "sql" | "blob" | "queue" | "lock";

/**
 * DENIED             `allow` doesn't name it; the message says what to write there
 * INVALID_ARGUMENT   a name, key, number or option that is never accepted
 * TOO_LARGE          a key, value, statement, result or list passes its limit
 * SQL_FAILED         SQLite refused the statement; the message is SQLite's
 * SQL_TIMEOUT        the statement ran longer than it may; nothing of it is kept
 * BUSY               other processes hold the database, or too much waits in line
 * STORAGE_FULL       the disk, the quota or the database's own limit is used up; nothing is lost
 * STORAGE_FAILED     the disk or a file is damaged, read-only or gone; the operator's log has the reason
 */
export type CapabilityFailureCode =
  | "DENIED"
  | "INVALID_ARGUMENT"
  | "TOO_LARGE"
  | "SQL_FAILED"
  | "SQL_TIMEOUT"
  | "BUSY"
  | "STORAGE_FULL"
  | "STORAGE_FAILED";

/** The message may be shown to the guest: it names no file of the host. */
export interface CapabilityFailure {
  readonly code: CapabilityFailureCode;
  readonly message: string;
}

export type Outcome<Value> = Promise<Result<Value, CapabilityFailure>>;

/** Which of the names in `allow` is meant; null is the first of them. */
export type Name = string | null;

export interface HostCapabilities {
  readonly kv: KvCapability;
  readonly sql: SqlCapability;
  readonly blob: BlobCapability;
  readonly queue: QueueCapability;
  readonly lock: LockCapability;
}

/** Made once per process. `hostFor` opens nothing; the methods of its result do. */
export interface CapabilityHost {
  hostFor(functionId: string, allow: Allow): HostCapabilities;
  /** Waits for writes under way. */
  close(): Promise<void>;
}

/** How engines get at it: the first call loads it. */
export type OpenCapabilityHost = () => Promise<CapabilityHost>;

export interface KvCapability {
  /** Null when there is none, or no longer. */
  get(namespace: Name, key: string): Outcome<Uint8Array | null>;
  put(namespace: Name, key: string, value: Uint8Array, options?: { readonly ttlMs?: number | undefined }): Outcome<void>;
  /** Whether there was one. */
  delete(namespace: Name, key: string): Outcome<boolean>;
  /** In the order of their UTF-8 bytes. */
  list(namespace: Name, options?: ListOptions): Outcome<KeyList<KvKey>>;
}

export interface ListOptions {
  readonly prefix?: string | undefined;
  /** 1 to 1,000; 1,000 by default. */
  readonly limit?: number | undefined;
  /** `cursor` of the list before. */
  readonly cursor?: string | undefined;
}

export interface KeyList<Key> {
  readonly keys: readonly Key[];
  /** Null at the end. */
  readonly cursor: string | null;
}

export interface KvKey {
  readonly key: string;
  readonly expiresAtMs: number | null;
}

export type SqlValue = null | number | bigint | string | Uint8Array;
/** By position, or by name without its ":", "@" or "$". */
export type SqlParams = readonly SqlValue[] | Readonly<Record<string, SqlValue>>;

export interface SqlStatement {
  readonly sql: string;
  readonly params?: SqlParams | undefined;
}

export interface SqlResult {
  readonly columns: readonly string[];
  /** Whole numbers beyond 2^53 are bigints. */
  readonly rows: readonly (readonly SqlValue[])[];
  /** Rows that the statement changed. */
  readonly changes: number;
  readonly lastInsertRowid: number | bigint;
}

export interface SqlCapability {
  /** One statement, in a transaction of its own. */
  query(database: Name, sql: string, params?: SqlParams): Outcome<SqlResult>;
  /** All of them in one transaction, or none. */
  batch(database: Name, statements: readonly SqlStatement[]): Outcome<readonly SqlResult[]>;
  /** Several statements in one text, without parameters or results, in one transaction. */
  exec(database: Name, script: string): Outcome<void>;
}

export interface BlobFacts {
  readonly key: string;
  readonly sizeBytes: number;
  /** Of the content, in hexadecimal. */
  readonly sha256: string;
  readonly contentType: string | null;
  readonly writtenAtMs: number;
}

export interface BlobCapability {
  get(bucket: Name, key: string): Outcome<(BlobFacts & { readonly bytes: Uint8Array }) | null>;
  /** What get would say, without the content. */
  head(bucket: Name, key: string): Outcome<BlobFacts | null>;
  put(bucket: Name, key: string, bytes: Uint8Array, options?: { readonly contentType?: string | undefined }): Outcome<BlobFacts>;
  delete(bucket: Name, key: string): Outcome<boolean>;
  list(bucket: Name, options?: ListOptions): Outcome<KeyList<BlobFacts>>;
}

export interface QueueCapability {
  /** On disk when it succeeds. A second call with the same idempotency key gives the first one's id and adds nothing. */
  enqueue(
    topic: Name,
    payload: Uint8Array,
    options?: { readonly delayMs?: number | undefined; readonly idempotencyKey?: string | undefined },
  ): Outcome<{ readonly id: string }>;
}

export interface Lease {
  /** Greater than that of every lease of this lock before: who writes with it can be refused by who saw a later one. */
  readonly token: number;
  readonly expiresAtMs: number;
}

export interface LockCapability {
  /** Null when somebody else still holds it after `waitMs` (0 by default), or the signal says that nobody waits any more. */
  acquire(
    namespace: Name,
    key: string,
    options: { readonly ttlMs: number; readonly waitMs?: number | undefined; readonly signal?: AbortSignal | undefined },
  ): Outcome<Lease | null>;
  /** Null when the lease has ended: somebody else may hold it. */
  renew(namespace: Name, key: string, token: number, ttlMs: number): Outcome<Lease | null>;
  /** False when the lease had ended already. */
  release(namespace: Name, key: string, token: number): Outcome<boolean>;
}
