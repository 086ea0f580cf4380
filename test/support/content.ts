/** Content stores for tests: opened on a folder, filled and read, with everything that fails told by a throw. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { Result } from "../../src/base/result.ts";
import { sha256 } from "../../src/base/sha256.ts";
import type { ContentReader, ContentStore } from "../../src/store/content/content-store.ts";
import { type ContentStoreOptions, openContentStore } from "../../src/store/content/open-content-store.ts";

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export type OpenOptions = Partial<ContentStoreOptions> & { readonly dir: string; readonly lines?: LogLine[] };

export function contentOptions({ lines = [], ...options }: OpenOptions): ContentStoreOptions {
  const log: ContentStoreOptions["log"] = (level, message, fields = {}) => lines.push({ level, message, fields });
  return { storage: { kind: "local" }, maxBytes: 2 ** 40, nowMs: Date.now, log, ...options };
}

export async function openStore(options: OpenOptions): Promise<ContentStore> {
  return must(openContentStore(contentOptions(options)));
}

export async function must<Value>(outcome: Promise<Result<Value, { readonly code: string; readonly message: string }>>): Promise<Value> {
  const result = await outcome;
  if (!result.ok) throw new Error(`${result.failure.code}: ${result.failure.message}`);
  return result.value;
}

export async function codeOf(outcome: Promise<Result<unknown, { readonly code: string }>>): Promise<string> {
  const result = await outcome;
  return result.ok ? "ok" : result.failure.code;
}

/** The way of a transfer: a partial file, written, then committed under its hash. */
export async function put(store: ContentStore, bytes: Uint8Array): Promise<string> {
  const partial = await must(store.begin());
  await writeFile(partial.path, bytes);
  const hash = sha256(bytes);
  await must(store.commit(partial, { sha256: hash, sizeBytes: bytes.length }));
  return hash;
}

export async function read(reader: ContentReader, start = 0, end = reader.sizeBytes): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of reader.stream(start, end)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Null when the store has it not. */
export async function bytesOf(store: ContentStore, hash: string): Promise<Buffer | null> {
  const reader = await must(store.open(hash));
  if (reader === null) return null;
  try {
    return await read(reader);
  } finally {
    await reader.close();
  }
}

/** Whether it is found, wherever that has to be asked. */
export async function has(store: ContentStore, hash: string): Promise<boolean> {
  const found = await store.find(hash);
  if (found === null || !("ok" in found)) return found !== null;
  assert.ok(found.ok, found.ok ? "" : found.failure.message);
  return found.value !== null;
}

export function someBytes(count: number): Buffer {
  return randomBytes(count);
}

/** Until `holds`, which must come; says what was waited for when it does not. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > endMs) assert.fail(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
