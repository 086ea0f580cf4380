/**
 * SubtleCrypto of Web Cryptography: every operation is the host's. A CryptoKey
 * here shows what a key is and carries it sealed; only the host can open it.
 */
import { type Cloneable, hostAsync, hostSync } from "./bridge.ts";
import { DOMException } from "./dom-exception.ts";
import { viewOf } from "./encoding.ts";

type Bytes = ArrayBuffer | ArrayBufferView;
type Algorithm = string | { name: string; [parameter: string]: unknown };
type JsonWebKey = { [field: string]: Cloneable };

/** Longer input is hashed on the host's thread pool. */
const SYNC_DIGEST_MAX_BYTES = 256 * 1024;
/** Every parameter an algorithm of the standard has; others are dropped, as a dictionary would. */
const PARAMETERS =
  "hash,iv,additionalData,tagLength,counter,length,label,public,namedCurve,modulusLength,publicExponent,salt,info,iterations,saltLength".split(
    ",",
  );

interface KeyDescription {
  readonly envelope: Uint8Array;
  readonly type: "secret" | "public" | "private";
  readonly algorithm: Record<string, Cloneable>;
  readonly extractable: boolean;
  readonly usages: string[];
}

let makeKey: (description: KeyDescription) => CryptoKey;
let envelopeOf: (key: CryptoKey) => Uint8Array;

export class CryptoKey {
  readonly #description: KeyDescription;

  static {
    makeKey = (description) => new CryptoKey(description);
    envelopeOf = (key) => key.#description.envelope;
  }

  /** Not for guests: an invented description opens no key, since the host trusts the envelope alone. */
  constructor(description: KeyDescription) {
    if (typeof description !== "object" || !ArrayBuffer.isView(description?.envelope)) throw new TypeError("Illegal constructor");
    this.#description = description;
  }

  get type(): string {
    return this.#description.type;
  }
  get extractable(): boolean {
    return this.#description.extractable;
  }
  get algorithm(): Record<string, Cloneable> {
    return this.#description.algorithm;
  }
  get usages(): string[] {
    return this.#description.usages;
  }
  get [Symbol.toStringTag](): string {
    return "CryptoKey";
  }
}

export class SubtleCrypto {
  async digest(algorithm: Algorithm, data: Bytes): Promise<ArrayBuffer> {
    const { name } = plain(algorithm);
    const bytes = copyOf(data);
    if (bytes.byteLength <= SYNC_DIGEST_MAX_BYTES) return bufferOf(hostSync("crypto.digest", name, bytes));
    return bufferOf(await hostAsync("crypto.digestLong", name, bytes));
  }

  async importKey(
    format: string,
    data: Bytes | JsonWebKey,
    algorithm: Algorithm,
    extractable: boolean,
    usages: string[],
  ): Promise<CryptoKey> {
    // A key as JSON crosses as JSON would carry it: plain fields, nothing live.
    const material = format === "jwk" ? JSON.parse(JSON.stringify(data)) : copyOf(data as Bytes);
    return keyOf(await hostAsync("crypto.importKey", format, material, plain(algorithm), Boolean(extractable), [...usages]));
  }

  async generateKey(
    algorithm: Algorithm,
    extractable: boolean,
    usages: string[],
  ): Promise<CryptoKey | { publicKey: CryptoKey; privateKey: CryptoKey }> {
    const made = (await hostAsync("crypto.generateKey", plain(algorithm), Boolean(extractable), [...usages])) as
      | KeyDescription
      | { publicKey: KeyDescription; privateKey: KeyDescription };
    return "publicKey" in made ? { publicKey: keyOf(made.publicKey), privateKey: keyOf(made.privateKey) } : keyOf(made);
  }

  async exportKey(format: string, key: CryptoKey): Promise<ArrayBuffer | JsonWebKey> {
    const exported = await hostAsync("crypto.exportKey", format, envelope(key));
    return ArrayBuffer.isView(exported) ? bufferOf(exported) : (exported as JsonWebKey);
  }

  async sign(algorithm: Algorithm, key: CryptoKey, data: Bytes): Promise<ArrayBuffer> {
    return bufferOf(await hostAsync("crypto.sign", plain(algorithm), usable(key, "sign"), copyOf(data)));
  }

  async verify(algorithm: Algorithm, key: CryptoKey, signature: Bytes, data: Bytes): Promise<boolean> {
    return (await hostAsync("crypto.verify", plain(algorithm), usable(key, "verify"), copyOf(signature), copyOf(data))) as boolean;
  }

  async encrypt(algorithm: Algorithm, key: CryptoKey, data: Bytes): Promise<ArrayBuffer> {
    return bufferOf(await hostAsync("crypto.encrypt", plain(algorithm), usable(key, "encrypt"), copyOf(data)));
  }

  async decrypt(algorithm: Algorithm, key: CryptoKey, data: Bytes): Promise<ArrayBuffer> {
    return bufferOf(await hostAsync("crypto.decrypt", plain(algorithm), usable(key, "decrypt"), copyOf(data)));
  }

  async deriveBits(algorithm: Algorithm, key: CryptoKey, length: number | null = null): Promise<ArrayBuffer> {
    return bufferOf(await hostAsync("crypto.deriveBits", plain(algorithm), usable(key, "deriveBits"), length));
  }

  async deriveKey(algorithm: Algorithm, key: CryptoKey, derived: Algorithm, extractable: boolean, usages: string[]): Promise<CryptoKey> {
    const base = usable(key, "deriveKey");
    return keyOf(await hostAsync("crypto.deriveKey", plain(algorithm), base, plain(derived), Boolean(extractable), [...usages]));
  }

  async wrapKey(format: string, key: CryptoKey, wrappingKey: CryptoKey, algorithm: Algorithm): Promise<ArrayBuffer> {
    return bufferOf(await hostAsync("crypto.wrapKey", format, envelope(key), usable(wrappingKey, "wrapKey"), plain(algorithm)));
  }

  async unwrapKey(
    format: string,
    wrapped: Bytes,
    unwrappingKey: CryptoKey,
    algorithm: Algorithm,
    keyAlgorithm: Algorithm,
    extractable: boolean,
    usages: string[],
  ): Promise<CryptoKey> {
    const key = usable(unwrappingKey, "unwrapKey");
    const terms = [plain(keyAlgorithm), Boolean(extractable), [...usages]];
    return keyOf(await hostAsync("crypto.unwrapKey", format, copyOf(wrapped), key, plain(algorithm), ...terms));
  }

  get [Symbol.toStringTag](): string {
    return "SubtleCrypto";
  }
}

/** The algorithm as plain data that can cross. */
function plain(algorithm: Algorithm): { name: string; [parameter: string]: Cloneable } {
  if (typeof algorithm === "string") return { name: algorithm };
  if (typeof algorithm !== "object" || algorithm === null)
    throw new TypeError("crypto.subtle: the algorithm is neither a name nor an object");
  const copy: { name: string; [parameter: string]: Cloneable } = { name: String(algorithm.name) };
  for (const parameter of PARAMETERS) {
    const value = algorithm[parameter];
    if (value === undefined) continue;
    if (value instanceof CryptoKey) copy[parameter] = envelopeOf(value);
    else if (parameter === "hash") copy[parameter] = plain(value as Algorithm);
    else if (typeof value === "object" && value !== null) copy[parameter] = copyOf(value as Bytes);
    else copy[parameter] = value as Cloneable;
  }
  return copy;
}

function envelope(key: CryptoKey): Uint8Array {
  if (!(key instanceof CryptoKey)) throw new TypeError("crypto.subtle: the key is not a CryptoKey");
  return envelopeOf(key);
}

/** Refused here for the name of the usage; the host refuses too. */
function usable(key: CryptoKey, usage: string): Uint8Array {
  const sealed = envelope(key);
  if (!key.usages.includes(usage)) throw new DOMException(`crypto.subtle: the key's usages do not permit "${usage}"`, "InvalidAccessError");
  return sealed;
}

function keyOf(description: unknown): CryptoKey {
  return makeKey(description as KeyDescription);
}

/** Exactly these bytes: a view crosses with its whole buffer. */
function copyOf(data: Bytes): Uint8Array {
  return viewOf(data).slice();
}

function bufferOf(bytes: unknown): ArrayBuffer {
  return (bytes as Uint8Array).buffer as ArrayBuffer;
}
