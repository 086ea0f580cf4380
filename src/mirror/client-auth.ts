/**
 * Client auth: may whoever sends this Authorization header use the mirror?
 * Tokens come as bearer tokens or as the password of any user name; users and
 * passwords from an htpasswd file, which is read again when it changes.
 * Nothing is compared in a time that depends on how much of it is right: what
 * is sent, and what is known, meet as keyed digests. A password that was
 * checked is remembered by its digest, because bcrypt is made to be slow and
 * pip sends the same one with every request.
 * User names are no secret here: an unknown one is denied at once.
 */
import { builtin } from "../base/builtin.ts";
import { stampOfPath } from "../base/file-stamp.ts";
import { readRegularFile } from "../base/regular-file.ts";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { SingleFlight } from "../base/single-flight.ts";
import { MIB, MINUTE_MS, SECOND_MS } from "../base/units.ts";
import type { ClientsConfig } from "../config/mirror-config.ts";
import { type BadLine, type PasswordHash, parseHtpasswd } from "./clients/htpasswd.ts";
import { type PasswordQueue, ThreadQueue } from "./clients/password-queue.ts";
import { Verdicts } from "./clients/verdicts.ts";
import type { MirrorLog } from "./log.ts";

/** `busy`: too many passwords are being checked; 503 with Retry-After says it best. */
export type ClientDecision = "allowed" | "denied" | "busy";

/** Longer headers hold nothing that we gave out, and would be digested for nothing. */
const HEADER_MAX_LENGTH = 8 * 1024;
const FILE_MAX_BYTES = 16 * MIB;
const LOOK_INTERVAL_MS = SECOND_MS;
const DENIED_FOR_MS = MINUTE_MS;

export interface ClientAuth {
  check(authorization: string | undefined): ClientDecision | Promise<ClientDecision>;
  close(): Promise<void>;
}

export interface ClientAuthParts {
  readonly log: MirrorLog;
  readonly nowMs: () => number;
  readonly queue?: PasswordQueue;
}

/** Null lets everybody in. */
export function createClientAuth(config: ClientsConfig | null, parts: ClientAuthParts): Result<ClientAuth> {
  if (config === null) return ok({ check: () => "allowed", close: async () => {} });
  if (config.htpasswdFile === null) return ok(new ListedClients(config.tokens, null, new Map(), parts));
  const users = readUsers(config.htpasswdFile);
  return users.ok ? ok(new ListedClients(config.tokens, config.htpasswdFile, users.value, parts)) : users;
}

type Users = ReadonlyMap<string, PasswordHash>;

class ListedClients implements ClientAuth {
  readonly #key = builtin.crypto.randomBytes(32);
  readonly #tokens: ReadonlySet<string>;
  readonly #file: string | null;
  readonly #parts: ClientAuthParts;
  readonly #queue: PasswordQueue;
  readonly #verdicts: Verdicts;
  /** Checks under way, by the digest of their header: pip opens several connections at once. */
  readonly #underWay = new SingleFlight<ClientDecision>();
  #users: Users;
  #seen: string;
  #lookedAtMs: number;

  constructor(tokens: readonly string[], file: string | null, users: Users, parts: ClientAuthParts) {
    this.#tokens = new Set(tokens.map((token) => this.#digest(token)));
    this.#file = file;
    this.#users = users;
    this.#parts = parts;
    this.#verdicts = new Verdicts(DENIED_FOR_MS, parts.nowMs);
    this.#queue = parts.queue ?? new ThreadQueue();
    this.#seen = file === null ? "" : stampOfPath(file);
    this.#lookedAtMs = parts.nowMs();
  }

  check(authorization: string | undefined): ClientDecision | Promise<ClientDecision> {
    if (authorization === undefined || authorization.length > HEADER_MAX_LENGTH) return "denied";
    this.#lookAgain();
    const digest = this.#digest(authorization);
    const known = this.#verdicts.of(digest);
    if (known !== null) return known;
    const sent = parseAuthorization(authorization);
    if (sent === null) return "denied";
    if (this.#tokens.has(this.#digest(sent.secret))) {
      this.#verdicts.keep(digest, "allowed");
      return "allowed";
    }
    const hash = sent.user === null ? undefined : this.#users.get(sent.user);
    return hash === undefined || sent.user === null ? "denied" : this.#checkPassword(digest, sent.user, sent.secret, hash);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  #checkPassword(digest: string, user: string, password: string, hash: PasswordHash): Promise<ClientDecision> {
    return this.#underWay.run(digest, async () => {
      const users = this.#users;
      const checked = await this.#queue.check(user, password, hash);
      if (checked === "busy") return "busy";
      const decision = checked === "right" ? "allowed" : "denied";
      // The file may have changed meanwhile: an answer about an old one is not remembered.
      if (users === this.#users) this.#verdicts.keep(digest, decision);
      return decision;
    });
  }

  /** At most once a second, and only while somebody asks. What can't be used leaves the old users in place. */
  #lookAgain(): void {
    const nowMs = this.#parts.nowMs();
    if (this.#file === null || Math.abs(nowMs - this.#lookedAtMs) < LOOK_INTERVAL_MS) return;
    this.#lookedAtMs = nowMs;
    const now = stampOfPath(this.#file);
    if (now === this.#seen) return;
    this.#seen = now;
    const read = readUsers(this.#file);
    if (!read.ok) {
      this.#parts.log("error", `${read.failure.message}. The users of before stay`, { code: read.failure.code });
      return;
    }
    this.#users = read.value;
    this.#verdicts.clear();
    this.#underWay.partAll();
    this.#parts.log("info", `Read ${this.#users.size} users from ${this.#file}`);
  }

  #digest(text: string): string {
    return builtin.crypto.createHmac("sha256", this.#key).update(text).digest("base64");
  }
}

interface Sent {
  /** Null with a bearer token. */
  readonly user: string | null;
  readonly secret: string;
}

/** RFC 7617 and RFC 6750; null for everything else. */
export function parseAuthorization(header: string): Sent | null {
  const match = /^(basic|bearer) +([^\s]+) *$/i.exec(header);
  if (match === null) return null;
  if (match[1]!.toLowerCase() === "bearer") return { user: null, secret: match[2]! };
  const text = Buffer.from(match[2]!, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? null : { user: text.slice(0, colon), secret: text.slice(colon + 1) };
}

function readUsers(file: string): Result<Users> {
  const read = readRegularFile(file, FILE_MAX_BYTES);
  if (!read.ok) {
    return fail(unusable(`Cannot use ${file}: ${read.failure}`, "Give a file that htpasswd wrote by --htpasswd"));
  }
  const users = parseHtpasswd(read.value.toString("utf8"));
  return users.ok ? users : fail(badLines(file, users.failure));
}

const SHOWN_FAULTS = 3;

/** Begins with the place, which is not told twice then. */
function badLines(file: string, bad: readonly BadLine[]): Failure {
  const shown = bad.slice(0, SHOWN_FAULTS).map(({ line, fault }, place) => `${place === 0 ? `${file}:` : "line "}${line} ${fault}`);
  const more = bad.length > SHOWN_FAULTS ? [`and ${bad.length - SHOWN_FAULTS} more`] : [];
  const failure = unusable([...shown, ...more].join("; "), "Write passwords by htpasswd -B");
  return { ...failure, at: { file, line: bad[0]!.line } };
}

function unusable(message: string, hint: string): Failure {
  return { code: "MIRROR_HTPASSWD_UNUSABLE", message, hint };
}
