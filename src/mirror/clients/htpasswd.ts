/**
 * htpasswd: Apache's file of user names and hashed passwords. Parsing says
 * which kind each hash is; checking one is check-password.ts. bcrypt, apr1
 * (what `htpasswd` writes unasked) and {SHA} are known. A password in plain
 * text, and crypt(3), are refused with their line: a file that half works
 * would lock people out, or let them in, without a word.
 */
import { fail, ok, type Result } from "../../base/result.ts";

export type PasswordHash =
  | { readonly kind: "bcrypt"; readonly text: string }
  | { readonly kind: "apr1"; readonly salt: string; readonly text: string }
  /** Unsalted; base64. */
  | { readonly kind: "sha"; readonly digest: string };

/** Each step doubles the time: 2^14 rounds take more than a second. */
const BCRYPT_COST_MAX = 14;

const SHA1_BYTES = 20;

export interface BadLine {
  /** From 1. */
  readonly line: number;
  /** A phrase that follows the place. Says nothing of what stands there. */
  readonly fault: string;
}

export function parseHtpasswd(text: string): Result<ReadonlyMap<string, PasswordHash>, readonly BadLine[]> {
  const users = new Map<string, PasswordHash>();
  const bad: BadLine[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.replace(/\r$/, "");
    if (line.trim() === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    const user = line.slice(0, Math.max(colon, 0));
    const hash = parseHash(line.slice(colon + 1));
    if (colon < 1) bad.push({ line: index + 1, fault: "is no USER:HASH" });
    else if (!hash.ok) bad.push({ line: index + 1, fault: hash.failure });
    else if (users.has(user)) bad.push({ line: index + 1, fault: "names a user that an earlier line has" });
    else users.set(user, hash.value);
  }
  return bad.length === 0 ? ok(users) : fail(bad);
}

function parseHash(text: string): Result<PasswordHash, string> {
  const bcrypt = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(text);
  if (bcrypt !== null) {
    const cost = Number(bcrypt[1]);
    if (cost < 4 || cost > BCRYPT_COST_MAX) return fail(`has bcrypt of cost ${cost}: 4 to ${BCRYPT_COST_MAX} are taken`);
    return ok({ kind: "bcrypt", text });
  }
  const apr1 = /^\$apr1\$([./A-Za-z0-9]{1,8})\$[./A-Za-z0-9]{22}$/.exec(text);
  if (apr1 !== null) return ok({ kind: "apr1", salt: apr1[1]!, text });
  const sha = /^\{SHA\}([A-Za-z0-9+/]{27}=)$/.exec(text);
  if (sha !== null && Buffer.from(sha[1]!, "base64").length === SHA1_BYTES) return ok({ kind: "sha", digest: sha[1]! });
  const kind = /^\$(?:5|6|1|y|7|argon2\w*)\$/.test(text)
    ? "crypt(3)"
    : text.startsWith("$") || text.startsWith("{")
      ? "an unknown kind"
      : "plain text or crypt(3)";
  return fail(`has a password in ${kind}`);
}
