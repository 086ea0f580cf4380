/**
 * Redaction: secrets leave no trace in a recording. Where a secret stands, as
 * many marks stand instead, so that every byte around it keeps its place; and it
 * is looked for in everything that is kept, because guests hand on what they are
 * given. What a guest made of a secret (its hash, its base64) is not found.
 */

const MARK = "*";
const MARK_BYTE = MARK.charCodeAt(0);
/** Shorter ones are hidden where they are known to stand, and not looked for: they would be found everywhere. */
const SEARCHED_MIN_BYTES = 6;

/** In lower case. Their values are credentials, whoever sends them. */
const SECRET_HEADERS: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "x-api-key",
  "x-auth-token",
  "x-csrf-token",
]);

export class Redaction {
  readonly #needles: readonly Buffer[];
  readonly #texts: readonly string[];

  constructor(secrets: readonly string[]) {
    // The longest first: a part must not be hidden before the whole is found.
    const searched = [...new Set(secrets)].filter((secret) => Buffer.byteLength(secret) >= SEARCHED_MIN_BYTES);
    this.#texts = searched.sort((one, other) => other.length - one.length);
    this.#needles = this.#texts.map((text) => Buffer.from(text));
  }

  /** The same array when it holds no secret. */
  bytes(bytes: Uint8Array): Uint8Array {
    let copy: Buffer | null = null;
    for (const needle of this.#needles) {
      const seen = copy ?? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = seen.indexOf(needle); at !== -1; at = copy!.indexOf(needle, at + needle.length)) {
        copy ??= Buffer.from(bytes);
        copy.fill(MARK_BYTE, at, at + needle.length);
      }
    }
    return copy ?? bytes;
  }

  text(text: string): string {
    return this.#texts.reduce((shown, secret) => shown.replaceAll(secret, hidden(secret)), text);
  }
}

/** As long as the secret. */
export function hidden(secret: string): string {
  return MARK.repeat(Buffer.byteLength(secret));
}

/** A header block with the values of secret headers hidden, and what they were. */
export function redactHeaders(block: string): { readonly block: string; readonly secrets: readonly string[] } {
  const secrets: string[] = [];
  const lines = block.split("\r\n").map((line) => {
    const colon = line.indexOf(":");
    if (colon === -1 || !SECRET_HEADERS.has(line.slice(0, colon).toLowerCase())) return line;
    const value = line.slice(colon + 1).trim();
    secrets.push(value, ...partsOf(value));
    return value === "" ? line : `${line.slice(0, colon + 1)}${line.slice(colon + 1).replace(value, () => MARK.repeat(value.length))}`;
  });
  return { block: lines.join("\r\n"), secrets };
}

/** What a guest takes out of "Bearer abc" or "a=1; b=2" is the token alone. */
function partsOf(value: string): string[] {
  const token = value.slice(value.indexOf(" ") + 1);
  return [token, ...value.split(/;\s*/).map((pair) => pair.slice(pair.indexOf("=") + 1))];
}
