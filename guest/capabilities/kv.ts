/** env.KV: the shape of Cloudflare's Workers KV, where the two have the same. */
import { utf8Decode } from "../encoding.ts";
import { ask, bytesOf, named } from "./capability.ts";

const SECOND_MS = 1_000;

interface PutOptions {
  /** Seconds from now. */
  readonly expirationTtl?: number;
  /** Seconds of the Unix epoch. */
  readonly expiration?: number;
}

interface Listed {
  readonly keys: readonly { readonly key: string; readonly expiresAtMs: number | null }[];
  readonly cursor: string | null;
}

export const kv = named((name) => ({
  async get(key: string, type: string | { readonly type?: string } = "text") {
    const wanted = typeof type === "string" ? type : (type.type ?? "text");
    if (!["text", "json", "bytes", "arrayBuffer"].includes(wanted)) throw new TypeError("type must be text, json, bytes or arrayBuffer");
    const bytes = (await ask("kv.get", name, key)) as Uint8Array | null;
    if (bytes === null || wanted === "bytes") return bytes;
    if (wanted === "arrayBuffer") return bytes.buffer;
    const text = utf8Decode(bytes);
    return wanted === "json" ? JSON.parse(text) : text;
  },
  async put(key: string, value: unknown, { expirationTtl, expiration }: PutOptions = {}) {
    const ttlMs =
      expirationTtl !== undefined
        ? Math.round(expirationTtl * SECOND_MS)
        : expiration !== undefined
          ? Math.max(1, Math.round(expiration * SECOND_MS - Date.now()))
          : undefined;
    await ask("kv.put", name, key, bytesOf(value, "the value"), ttlMs);
  },
  async delete(key: string) {
    return ask("kv.delete", name, key);
  },
  async list({ prefix, limit, cursor }: { prefix?: string; limit?: number; cursor?: string | null } = {}) {
    const found = (await ask("kv.list", name, prefix, limit, cursor ?? undefined)) as Listed;
    const keys = found.keys.map(({ key, expiresAtMs }) =>
      expiresAtMs === null ? { name: key } : { name: key, expiration: Math.ceil(expiresAtMs / SECOND_MS) },
    );
    return found.cursor === null ? { keys, list_complete: true } : { keys, list_complete: false, cursor: found.cursor };
  },
}));
