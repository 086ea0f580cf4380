/**
 * Key envelopes: how a CryptoKey lives in a guest without lying open there.
 * An envelope is the key's material and terms, sealed with AES-256-GCM under a
 * secret of this process and bound to the function. Opened keys are cached per
 * sandbox, so a key that is used again is not imported again.
 */
import type { webcrypto } from "node:crypto";
import { builtin } from "../../../base/builtin.ts";
import { RecentMap } from "../../../base/recent-map.ts";
import { requireBytes } from "./arguments.ts";
import { GuestFault, type OpContext } from "./op.ts";

const ENVELOPE_MAX_BYTES = 64 * 1024;
const OPENED_MAX_COUNT = 64;
const IV_BYTES = 12;
const TAG_BYTES = 16;

let sealingKey: Buffer | null = null;
const openedBySandbox = new WeakMap<OpContext["state"], RecentMap<string, OpenedKey>>();

/** The arguments of importKey: enough to make the key again. */
export interface KeyMaterial {
  readonly format: "raw" | "pkcs8" | "spki" | "jwk";
  readonly data: Uint8Array | webcrypto.JsonWebKey;
  readonly algorithm: unknown;
  readonly extractable: boolean;
  readonly usages: readonly webcrypto.KeyUsage[];
}

/** What the guest's CryptoKey shows. */
export interface KeyDescription {
  readonly envelope: Uint8Array;
  readonly type: webcrypto.KeyType;
  readonly algorithm: Record<string, unknown>;
  readonly extractable: boolean;
  readonly usages: readonly webcrypto.KeyUsage[];
}

interface OpenedKey {
  readonly key: CryptoKey;
  readonly description: KeyDescription;
}

export async function sealImported(context: OpContext, material: KeyMaterial): Promise<KeyDescription> {
  const key = await importMaterial(material);
  const description = describeKey(key, seal(context, material), material.extractable);
  remember(context, { key, description });
  return description;
}

/** For keys made here, which are extractable so that they can be sealed; `extractable` is what the guest asked for. */
export async function sealGenerated(context: OpContext, key: CryptoKey, extractable: boolean): Promise<KeyDescription> {
  const format = ({ secret: "raw", public: "spki", private: "pkcs8" } as const)[key.type];
  const data = new Uint8Array(await globalThis.crypto.subtle.exportKey(format, key));
  const material: KeyMaterial = { format, data, algorithm: importAlgorithm(key), extractable, usages: key.usages };
  return sealImported(context, material);
}

export async function openKey(context: OpContext, envelope: unknown): Promise<OpenedKey> {
  const bytes = requireBytes(envelope, "key");
  const known = openedBySandbox.get(context.state)?.get(nameOf(bytes));
  if (known !== undefined) return known;
  const material = unseal(context, bytes);
  const key = await importMaterial(material);
  const opened = { key, description: describeKey(key, bytes.slice(), material.extractable) };
  remember(context, opened);
  return opened;
}

function describeKey(key: CryptoKey, envelope: Uint8Array, extractable: boolean): KeyDescription {
  const algorithm = { ...(key.algorithm as unknown as Record<string, unknown>) };
  return { envelope, type: key.type, algorithm, extractable, usages: [...key.usages] };
}

async function importMaterial(material: KeyMaterial): Promise<CryptoKey> {
  return globalThis.crypto.subtle.importKey(
    material.format as "raw",
    material.data as Uint8Array<ArrayBuffer>,
    material.algorithm as webcrypto.AlgorithmIdentifier,
    material.extractable,
    [...material.usages],
  );
}

/** A key's algorithm as importKey takes it. */
function importAlgorithm(key: CryptoKey): unknown {
  const { name, hash, namedCurve, length } = key.algorithm as { name: string; hash?: unknown; namedCurve?: string; length?: number };
  return {
    name,
    ...(hash === undefined ? {} : { hash }),
    ...(namedCurve === undefined ? {} : { namedCurve }),
    ...(name === "HMAC" ? { length } : {}),
  };
}

function remember(context: OpContext, opened: OpenedKey): void {
  let cache = openedBySandbox.get(context.state);
  if (cache === undefined) {
    cache = new RecentMap({ countMax: OPENED_MAX_COUNT });
    openedBySandbox.set(context.state, cache);
  }
  cache.set(nameOf(opened.description.envelope), opened);
}

/**
 * The whole envelope names its cache entry: part of it would let a guest pair
 * one key's name with another's bytes.
 */
function nameOf(envelope: Uint8Array): string {
  return Buffer.from(envelope.buffer, envelope.byteOffset, envelope.byteLength).toString("latin1");
}

function seal(context: OpContext, material: KeyMaterial): Uint8Array {
  const iv = builtin.crypto.randomBytes(IV_BYTES);
  const cipher = builtin.crypto.createCipheriv("aes-256-gcm", keyOfKeys(), iv).setAAD(Buffer.from(context.functionId));
  const sealed = Buffer.concat([iv, cipher.update(builtin.v8.serialize(material)), cipher.final(), cipher.getAuthTag()]);
  if (sealed.byteLength > ENVELOPE_MAX_BYTES) throw new GuestFault("DataError", `A key may have ${ENVELOPE_MAX_BYTES} bytes`);
  return new Uint8Array(sealed);
}

function unseal(context: OpContext, envelope: Uint8Array): KeyMaterial {
  try {
    const decipher = builtin.crypto
      .createDecipheriv("aes-256-gcm", keyOfKeys(), envelope.subarray(0, IV_BYTES))
      .setAAD(Buffer.from(context.functionId));
    decipher.setAuthTag(envelope.subarray(envelope.byteLength - TAG_BYTES));
    const opened = Buffer.concat([decipher.update(envelope.subarray(IV_BYTES, envelope.byteLength - TAG_BYTES)), decipher.final()]);
    return builtin.v8.deserialize(opened) as KeyMaterial;
  } catch {
    throw new GuestFault("InvalidAccessError", "The key was not made by this function");
  }
}

/** Made at the first key; dies with the worker, and every sealed key with it. */
function keyOfKeys(): Buffer {
  sealingKey ??= builtin.crypto.randomBytes(32);
  return sealingKey;
}
