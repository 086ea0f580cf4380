/**
 * Check a password against a hash. bcrypt takes tens of milliseconds and more
 * of a processor, on purpose: called on a thread of its own
 * (password-thread.ts), never on the event loop.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { PasswordHash } from "./htpasswd.ts";

export async function checkPassword(password: string, hash: PasswordHash): Promise<boolean> {
  switch (hash.kind) {
    case "bcrypt": {
      const { compareSync } = await import("bcryptjs");
      return compareSync(password, hash.text);
    }
    case "apr1":
      return equal(apr1(password, hash.salt), hash.text);
    case "sha":
      return equal(createHash("sha1").update(password).digest("base64"), hash.digest);
  }
}

function equal(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

const APR1_ROUNDS = 1_000;
const ITOA64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Poul-Henning Kamp's MD5-crypt, with Apache's own mark. The order of its steps is history, not sense. */
export function apr1(passwordText: string, saltText: string): string {
  const password = Buffer.from(passwordText);
  const salt = Buffer.from(saltText);
  const inner = md5(password, salt, password);
  const first: Uint8Array[] = [password, Buffer.from("$apr1$"), salt];
  for (let left = password.length; left > 0; left -= inner.length) first.push(inner.subarray(0, Math.min(left, inner.length)));
  for (let bits = password.length; bits > 0; bits >>= 1) first.push((bits & 1) === 1 ? Buffer.of(0) : password.subarray(0, 1));
  let digest = md5(...first);
  for (let round = 0; round < APR1_ROUNDS; round++) {
    const isOdd = round % 2 === 1;
    digest = md5(
      isOdd ? password : digest,
      ...(round % 3 === 0 ? [] : [salt]),
      ...(round % 7 === 0 ? [] : [password]),
      isOdd ? digest : password,
    );
  }
  return `$apr1$${saltText}$${encode(digest)}`;
}

/** Three bytes at a time, from places far apart, as four letters of six bits, the lowest first. */
function encode(digest: Uint8Array): string {
  const groups = [0, 1, 2, 3, 4].map((place) => [digest[place]!, digest[place + 6]!, digest[place === 4 ? 5 : place + 12]!] as const);
  const letters = (value: number, count: number): string =>
    Array.from({ length: count }, (_, place) => ITOA64[(value >> (6 * place)) & 0x3f]).join("");
  return groups.map(([high, middle, low]) => letters((high << 16) | (middle << 8) | low, 4)).join("") + letters(digest[11]!, 2);
}

function md5(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
