/**
 * Web Cryptography operations over Node's own. A key never lies open in the
 * guest: it holds a sealed envelope (key-envelope.ts) and the host opens it, so
 * host state stays bounded however many keys a function makes and forgets.
 * Work that would hold a thread for long is refused by size.
 */
import type { webcrypto } from "node:crypto";
import { builtin } from "../../../base/builtin.ts";
import { requireBoolean, requireBytes, requireInteger, requireOneOf, requireRecord, requireString } from "./arguments.ts";
import { type KeyDescription, openKey, sealGenerated, sealImported } from "./key-envelope.ts";
import { type AsyncOp, GuestFault, type OpContext, type SyncOp } from "./op.ts";

const RANDOM_MAX_BYTES = 64 * 1024;
const PBKDF2_ITERATIONS_MAX = 2_000_000;
const RSA_MODULUS_MAX_BITS = 4096;
const DERIVED_MAX_BITS = 1024 * 1024;
const KEY_FORMATS = ["raw", "pkcs8", "spki", "jwk"] as const;
const USAGES = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"] as const;
const DIGESTS: Readonly<Record<string, string>> = { "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512" };
const ALGORITHMS = new Set([
  "RSASSA-PKCS1-V1_5",
  "RSA-PSS",
  "RSA-OAEP",
  "ECDSA",
  "ECDH",
  "ED25519",
  "X25519",
  "HMAC",
  "AES-CTR",
  "AES-CBC",
  "AES-GCM",
  "AES-KW",
  "HKDF",
  "PBKDF2",
]);

/** Reached late: loading Web Cryptography would cost every worker start, used or not. */
const subtle = (): SubtleCrypto => globalThis.crypto.subtle;

const random: SyncOp = (_context, count) => builtin.crypto.randomBytes(requireInteger(count, "count", 0, RANDOM_MAX_BYTES));

/** Synchronous: hashing what fits in a message takes less than a trip through the thread pool. */
const digest: SyncOp = (_context, name, data) => {
  const hash = DIGESTS[requireString(name, "algorithm", 32).toUpperCase()];
  if (hash === undefined) throw new GuestFault("NotSupportedError", `The digest ${JSON.stringify(name)} is not supported`);
  return builtin.crypto.createHash(hash).update(requireBytes(data, "data")).digest();
};

const digestLong: AsyncOp = async (_context, _callId, name, data) =>
  subtle().digest(requireString(name, "algorithm", 32), requireBytes(data, "data"));

const importKey: AsyncOp = async (context, _callId, format, data, algorithm, extractable, usages) =>
  sealImported(context, {
    format: requireOneOf(format, "format", KEY_FORMATS),
    data: format === "jwk" ? (requireRecord(data, "keyData") as webcrypto.JsonWebKey) : requireBytes(data, "keyData").slice(),
    algorithm: requireAlgorithm(algorithm),
    extractable: requireBoolean(extractable, "extractable"),
    usages: requireUsages(usages),
  });

const generateKey: AsyncOp = async (context, _callId, algorithm, extractable, usages) => {
  const parameters = requireAlgorithm(algorithm);
  const wanted = requireUsages(usages);
  const open = requireBoolean(extractable, "extractable");
  // Made extractable so that it can be sealed; the envelope remembers what was asked.
  const made = (await subtle().generateKey(parameters as never, true, wanted)) as CryptoKey | webcrypto.CryptoKeyPair;
  if ("type" in made) return sealGenerated(context, made, open);
  return { publicKey: await sealGenerated(context, made.publicKey, true), privateKey: await sealGenerated(context, made.privateKey, open) };
};

const exportKey: AsyncOp = async (context, _callId, format, key) => {
  const opened = await openKey(context, key);
  requireExtractable(opened.description);
  return subtle().exportKey(requireOneOf(format, "format", KEY_FORMATS) as "raw", opened.key);
};

const sign: AsyncOp = async (context, _callId, algorithm, key, data) =>
  subtle().sign(requireAlgorithm(algorithm) as never, (await openKey(context, key)).key, requireBytes(data, "data"));

const verify: AsyncOp = async (context, _callId, algorithm, key, signature, data) =>
  subtle().verify(
    requireAlgorithm(algorithm) as never,
    (await openKey(context, key)).key,
    requireBytes(signature, "signature"),
    requireBytes(data, "data"),
  );

const encrypt: AsyncOp = async (context, _callId, algorithm, key, data) =>
  subtle().encrypt(requireAlgorithm(algorithm) as never, (await openKey(context, key)).key, requireBytes(data, "data"));

const decrypt: AsyncOp = async (context, _callId, algorithm, key, data) =>
  subtle().decrypt(requireAlgorithm(algorithm) as never, (await openKey(context, key)).key, requireBytes(data, "data"));

const deriveBits: AsyncOp = async (context, _callId, algorithm, key, length) => {
  const bits = length === null ? null : requireInteger(length, "length", 0, DERIVED_MAX_BITS);
  return subtle().deriveBits((await withPublicKey(context, algorithm)) as never, (await openKey(context, key)).key, bits as number);
};

const deriveKey: AsyncOp = async (context, _callId, algorithm, key, derivedAlgorithm, extractable, usages) => {
  const parameters = await withPublicKey(context, algorithm);
  const derived = requireAlgorithm(derivedAlgorithm);
  const wanted = requireUsages(usages);
  const open = requireBoolean(extractable, "extractable");
  const base = (await openKey(context, key)).key;
  if (isKeyDerivation(derived)) {
    const data = new Uint8Array(await subtle().deriveBits(parameters as never, base, null as never));
    return sealImported(context, { format: "raw", data, algorithm: derived, extractable: open, usages: wanted });
  }
  return sealGenerated(context, await subtle().deriveKey(parameters as never, base, derived as never, true, wanted), open);
};

const wrapKey: AsyncOp = async (context, _callId, format, key, wrappingKey, algorithm) => {
  const opened = await openKey(context, key);
  requireExtractable(opened.description);
  const wrapping = (await openKey(context, wrappingKey)).key;
  return subtle().wrapKey(requireOneOf(format, "format", KEY_FORMATS), opened.key, wrapping, requireAlgorithm(algorithm) as never);
};

const unwrapKey: AsyncOp = async (context, _callId, format, wrapped, unwrappingKey, algorithm, keyAlgorithm, extractable, usages) => {
  const target = requireAlgorithm(keyAlgorithm);
  if (isKeyDerivation(target)) throw new GuestFault("NotSupportedError", `A ${target.name} key can't be unwrapped: import its bytes`);
  const unwrapped = await subtle().unwrapKey(
    requireOneOf(format, "format", KEY_FORMATS),
    requireBytes(wrapped, "wrappedKey"),
    (await openKey(context, unwrappingKey)).key,
    requireAlgorithm(algorithm) as never,
    target as never,
    true,
    requireUsages(usages),
  );
  return sealGenerated(context, unwrapped, requireBoolean(extractable, "extractable"));
};

type Parameters = Record<string, unknown> & { readonly name: string };

/** An algorithm by a name we know, whose cost is bounded. The rest of its fields Node checks itself. */
function requireAlgorithm(value: unknown): Parameters {
  const parameters = requireRecord(value, "algorithm") as Parameters;
  const name = requireString(parameters.name, "algorithm.name", 32).toUpperCase();
  if (!ALGORITHMS.has(name)) throw new GuestFault("NotSupportedError", `The algorithm ${JSON.stringify(parameters.name)} is not supported`);
  if (name === "PBKDF2" && "iterations" in parameters) requireInteger(parameters.iterations, "iterations", 1, PBKDF2_ITERATIONS_MAX);
  if ("modulusLength" in parameters) {
    requireInteger(parameters.modulusLength, "modulusLength", 1024, RSA_MODULUS_MAX_BITS);
    // Exponents other than Fermat's primes make key generation arbitrarily slow.
    const exponent = Buffer.from(requireBytes(parameters.publicExponent, "publicExponent")).toString("hex").replace(/^0+/, "");
    if (exponent !== "3" && exponent !== "10001") throw new GuestFault("OperationError", "publicExponent must be 3 or 65537");
  }
  return parameters;
}

/** Key agreement names the other side's key, which crosses as an envelope too. */
async function withPublicKey(context: OpContext, value: unknown): Promise<Parameters> {
  const parameters = requireAlgorithm(value);
  return parameters.public === undefined ? parameters : { ...parameters, public: (await openKey(context, parameters.public)).key };
}

function isKeyDerivation(parameters: Parameters): boolean {
  return /^(?:HKDF|PBKDF2)$/i.test(parameters.name);
}

function requireUsages(value: unknown): webcrypto.KeyUsage[] {
  if (!Array.isArray(value)) throw new GuestFault("TypeError", "keyUsages must be an array");
  return value.slice(0, USAGES.length).map((usage) => requireOneOf(usage, "keyUsages", USAGES));
}

function requireExtractable(description: KeyDescription): void {
  if (!description.extractable) throw new GuestFault("InvalidAccessError", "The key is not extractable");
}

/** Node's refusals speak of the guest's own arguments; anything else is kept from it. */
function withFaults(operation: AsyncOp): AsyncOp {
  return async (context, callId, ...args) => {
    try {
      const value = await operation(context, callId, ...args);
      return value instanceof ArrayBuffer ? new Uint8Array(value) : value;
    } catch (error) {
      if (error instanceof GuestFault) throw error;
      if (error instanceof DOMException) throw new GuestFault(error.name, error.message);
      if (error instanceof TypeError) throw new GuestFault("TypeError", error.message);
      throw new GuestFault("OperationError", "The operation failed for a reason specific to it");
    }
  };
}

export const cryptoSyncOps: readonly (readonly [string, SyncOp])[] = [
  ["crypto.random", random],
  ["crypto.digest", digest],
];

export const cryptoAsyncOps: readonly (readonly [string, AsyncOp])[] = (
  [
    ["crypto.digestLong", digestLong],
    ["crypto.importKey", importKey],
    ["crypto.generateKey", generateKey],
    ["crypto.exportKey", exportKey],
    ["crypto.sign", sign],
    ["crypto.verify", verify],
    ["crypto.encrypt", encrypt],
    ["crypto.decrypt", decrypt],
    ["crypto.deriveBits", deriveBits],
    ["crypto.deriveKey", deriveKey],
    ["crypto.wrapKey", wrapKey],
    ["crypto.unwrapKey", unwrapKey],
  ] as const
).map(([name, operation]) => [name, withFaults(operation)] as const);
