/**
 * What a function finds in its global scope beside the web's own names:
 * `"types": ["pilotlight/globals"]` in tsconfig.json. The web's come from
 * TypeScript's DOM library. What these do is in guest/jsx.ts.
 */

/** Makes an element; .tsx and .jsx files call it for each tag. */
declare function h(type: string | ((props: never) => unknown) | typeof Fragment, props: object | null, ...children: unknown[]): JSX.Element;

/** `<>…</>`: children without a tag. */
declare const Fragment: (props: { children?: unknown }) => JSX.Element;

/** HTML of an element or whatever may stand in one; text is escaped. */
declare function renderToString(node: unknown): string;

/** Of Node's process, what npm packages ask for. */
declare var process: { readonly env: Readonly<Record<string, string | undefined>> };

declare namespace JSX {
  interface Element {
    toString(): string;
  }
  interface ElementChildrenAttribute {
    children: unknown;
  }
  interface IntrinsicAttributes {
    key?: string | number;
  }
  /** Any tag with any attribute: HTML's own, and htmx's and others'. */
  interface IntrinsicElements {
    [tag: string]: Record<string, unknown>;
  }
}

/**
 * What `allow` in pilotlight.yaml lets a function keep, send and lock (docs/host.md):
 *
 *     import type { Handler } from "pilotlight";
 *
 *     export const GET: Handler<Pilotlight.Capabilities> = async (request, env) => new Response(await env.KV.get("greeting"));
 *
 * Each rejects with an error whose `code` is "DENIED", "INVALID_ARGUMENT", "TOO_LARGE", "BUSY", "STORAGE_FULL",
 * "STORAGE_FAILED", and for SQL "SQL_FAILED" or "SQL_TIMEOUT".
 */
declare namespace Pilotlight {
  interface Capabilities {
    readonly KV: Named<KV>;
    readonly SQL: Named<SQL>;
    readonly BLOB: Named<Blobs>;
    readonly QUEUE: Named<Queue>;
    readonly LOCK: Named<Locks>;
  }

  /** As it stands, the first name of the list in `allow`; called, the one it is given. */
  type Named<Api> = Api & ((name: string) => Api);

  type Bytes = ArrayBuffer | ArrayBufferView;

  interface ListOptions {
    prefix?: string;
    /** 1 to 1,000. */
    limit?: number;
    /** Of the page before. */
    cursor?: string | null;
  }

  interface KV {
    get(key: string, type?: "text" | { type?: "text" }): Promise<string | null>;
    get<Value = unknown>(key: string, type: "json" | { type: "json" }): Promise<Value | null>;
    get(key: string, type: "bytes" | { type: "bytes" }): Promise<Uint8Array | null>;
    get(key: string, type: "arrayBuffer" | { type: "arrayBuffer" }): Promise<ArrayBuffer | null>;
    /** On disk when it resolves. */
    put(
      key: string,
      value: string | Bytes,
      options?: { /** Seconds from now. */ expirationTtl?: number /** Unix seconds. */; expiration?: number },
    ): Promise<void>;
    /** Whether there was one. */
    delete(key: string): Promise<boolean>;
    list(options?: ListOptions): Promise<{ keys: { name: string; expiration?: number }[]; list_complete: boolean; cursor?: string }>;
  }

  /** Whole numbers beyond 2^53 come as bigint. */
  type SQLValue = null | number | bigint | string | Uint8Array;
  type SQLParams = readonly (SQLValue | boolean | Bytes)[] | Readonly<Record<string, SQLValue | boolean | Bytes>>;

  interface SQLChange {
    changes: number;
    lastInsertRowid: number | bigint;
  }

  interface SQL {
    /** Rows of one statement. Values for ? or :name are bound, never pasted into the text. */
    query<Row = Record<string, SQLValue>>(sql: string, params?: SQLParams): Promise<Row[]>;
    /** Its first row. */
    get<Row = Record<string, SQLValue>>(sql: string, params?: SQLParams): Promise<Row | null>;
    run(sql: string, params?: SQLParams): Promise<SQLChange>;
    /** One transaction: all of them, or none. */
    batch(
      statements: readonly (string | { sql: string; params?: SQLParams })[],
    ): Promise<(SQLChange & { rows: Record<string, SQLValue>[] })[]>;
    /** Several statements in one text, in one transaction; for schemas. */
    exec(script: string): Promise<void>;
  }

  interface BlobFacts {
    key: string;
    size: number;
    sha256: string;
    contentType: string | null;
    writtenAt: Date;
  }

  interface BlobContent extends BlobFacts {
    bytes: Uint8Array<ArrayBuffer>;
    text(): string;
    json(): unknown;
  }

  interface Blobs {
    get(key: string): Promise<BlobContent | null>;
    head(key: string): Promise<BlobFacts | null>;
    put(key: string, content: string | Bytes, options?: { contentType?: string }): Promise<BlobFacts>;
    delete(key: string): Promise<boolean>;
    list(options?: ListOptions): Promise<{ blobs: BlobFacts[]; cursor: string | null }>;
  }

  interface Queue {
    /** Text and bytes go as they are, anything else as JSON. With an idempotency key, once. */
    send(message: unknown, options?: { delaySeconds?: number; idempotencyKey?: string }): Promise<{ id: string }>;
  }

  interface Lease {
    /** Greater than that of every lease before. */
    readonly token: number;
    readonly expiresAt: Date;
    /** False when it had ended: somebody else may hold the lock. */
    renew(ttlMs?: number): Promise<boolean>;
    release(): Promise<boolean>;
  }

  interface Locks {
    /** Null when somebody else holds it, still after `waitMs` (0). It is free again after `ttlMs` (30,000) at the latest. */
    acquire(key: string, options?: { ttlMs?: number; waitMs?: number }): Promise<Lease | null>;
  }
}
