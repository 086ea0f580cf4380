/** env.BLOB: files in a bucket, each read and written whole. */
import { utf8Decode } from "../encoding.ts";
import { ask, bytesOf, named } from "./capability.ts";

interface Facts {
  readonly key: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly contentType: string | null;
  readonly writtenAtMs: number;
}

export const blob = named((name) => ({
  async get(key: string) {
    const found = (await ask("blob.get", name, key)) as (Facts & { readonly bytes: Uint8Array }) | null;
    if (found === null) return null;
    const { bytes } = found;
    return {
      ...shown(found),
      bytes,
      text: () => utf8Decode(bytes),
      json: () => JSON.parse(utf8Decode(bytes)) as unknown,
    };
  },
  async head(key: string) {
    const found = (await ask("blob.head", name, key)) as Facts | null;
    return found === null ? null : shown(found);
  },
  async put(key: string, content: unknown, { contentType }: { contentType?: string } = {}) {
    return shown((await ask("blob.put", name, key, bytesOf(content, "the content"), contentType)) as Facts);
  },
  async delete(key: string) {
    return ask("blob.delete", name, key);
  },
  async list({ prefix, limit, cursor }: { prefix?: string; limit?: number; cursor?: string | null } = {}) {
    const found = (await ask("blob.list", name, prefix, limit, cursor ?? undefined)) as { keys: Facts[]; cursor: string | null };
    return { blobs: found.keys.map(shown), cursor: found.cursor };
  },
}));

function shown({ key, sizeBytes, sha256, contentType, writtenAtMs }: Facts) {
  return { key, size: sizeBytes, sha256, contentType, writtenAt: new Date(writtenAtMs) };
}
