/**
 * Indexes: what flags, variables and the file say of them becomes the list in
 * its order, with names, freshness and credentials. `index_url` is short for a
 * first entry of `indexes`; `extra_index_urls` come after either.
 * Credentials leave the environment here and stand in IndexConfig.auth alone.
 */
import type { Failure } from "../../base/result.ts";
import { nearest } from "../../base/suggest.ts";
import { MINUTE_MS } from "../../base/units.ts";
import type { GivenValues } from "../given-values.ts";
import type { IndexAuth, IndexConfig, NamePin } from "../mirror-config.ts";
import type { Reader } from "../readers.ts";
import type { Env } from "../variables.ts";
import type { IndexAddress } from "./index-address.ts";
import { readPassword, readSecret } from "./readers.ts";
import type { MirrorTable } from "./settings.ts";
import { badEntry, type IndexEntry, type PinEntry } from "./structures.ts";

export type MirrorValues = GivenValues<MirrorTable>;

const TTL_MS = 30 * MINUTE_MS;
const EXTRA_TTL_MS = 3 * MINUTE_MS;

export interface NamedIndexes {
  /** Null when nobody has named a first one. */
  readonly first: readonly IndexConfig[] | null;
  readonly extra: readonly IndexConfig[];
  readonly failures: readonly Failure[];
}

/** Nobody's name is filled in yet: that takes the places of all (`withNames`). */
export function namedIndexes(given: MirrorValues, entries: readonly IndexEntry[], env: Env): NamedIndexes {
  const failures: Failure[] = [];
  const main = given.value("index_url", null);
  const ttlMs = given.value("index_ttl", TTL_MS);
  const auth = mainAuth(given, main);
  const asked = given.entry("index_url");
  if (asked?.at !== undefined && entries.length > 0) {
    given.refuse("index_url", "CONFIG_CONFLICT", "and mirror.indexes are both given", "Keep one of them");
  }
  // A flag or a variable stands above the file's whole list, as above every other value of it.
  if (asked !== undefined) {
    const first = main === null ? [] : [{ name: "", url: main.url, ttlMs, auth }];
    return { first, extra: extraIndexes(given), failures };
  }
  const listed = entries.map((entry, place): IndexConfig => {
    const ttl = entry.ttl ?? (place === 0 ? ttlMs : EXTRA_TTL_MS);
    return { name: entry.name ?? "", url: entry.url.url, ttlMs: ttl, auth: entryAuth(entry, env, failures) };
  });
  return { first: listed.length > 0 ? listed : null, extra: extraIndexes(given), failures };
}

function extraIndexes(given: MirrorValues): readonly IndexConfig[] {
  const addresses = given.value("extra_index_urls", []);
  const ttls = given.value("extra_index_ttls", null);
  if (ttls !== null && ttls.length !== addresses.length) {
    const fault = `has ${count(ttls.length, "entry", "entries")}, but there ${addresses.length === 1 ? "is" : "are"} ${count(addresses.length, "extra index", "extra indexes")}`;
    given.refuse("extra_index_ttls", "CONFIG_CONFLICT", fault, "Give one for each, in the same order");
  }
  return addresses.map(({ url, auth }, place) => ({ name: "", url, ttlMs: ttls?.[place] ?? EXTRA_TTL_MS, auth }));
}

function count(amount: number, one: string, many: string): string {
  return `${amount} ${amount === 1 ? one : many}`;
}

/** What was discovered has no setting of its own but freshness. */
export function discoveredIndex(given: MirrorValues, { url, auth }: IndexAddress): IndexConfig {
  return { name: "", url, ttlMs: given.value("index_ttl", TTL_MS), auth };
}

/** "index-1" and so on by place, for those that have no name of their own. */
export function withNames(indexes: readonly IndexConfig[], failures: Failure[]): readonly IndexConfig[] {
  const named = indexes.map((index, place) => (index.name === "" ? { ...index, name: `index-${place + 1}` } : index));
  for (const [name, same] of Map.groupBy(named, (index) => index.name)) {
    if (same.length > 1)
      failures.push({
        code: "CONFIG_CONFLICT",
        message: `${same.length} indexes are called "${name}"`,
        hint: "Give each a name of its own",
      });
  }
  return named;
}

/** `indexes` null: they are not known, because something else is wrong. */
export function settledPins(
  given: MirrorValues,
  fromFile: readonly PinEntry[],
  indexes: readonly IndexConfig[] | null,
  failures: Failure[],
): readonly NamePin[] {
  const names = indexes?.map(({ name }) => name) ?? null;
  const flags = given.value("pin", []);
  const wrong = (index: string): string | null => (names === null || names.includes(index) ? null : hintOf(index, names));
  for (const { index } of flags) {
    const hint = wrong(index);
    if (hint !== null) given.refuse("pin", "CONFIG_CONFLICT", `names no index: "${index}"`, hint);
  }
  for (const pin of fromFile) {
    const hint = wrong(pin.index);
    if (hint !== null) failures.push(badEntry(pin, `names no index: "${pin.index}"`, hint));
  }
  return [...flags, ...fromFile].map(({ pattern, index }) => ({ pattern, index }));
}

function hintOf(index: string, names: readonly string[]): string {
  const meant = nearest(index, names);
  return meant === null ? `The indexes are ${names.join(", ") || "none"}` : `Did you mean ${meant}?`;
}

function mainAuth(given: MirrorValues, main: IndexAddress | null): IndexAuth | null {
  const token = given.value("index_token", null);
  const username = given.value("index_username", null);
  const password = given.value("index_password", null);
  if (main === null) return null;
  const ways = [main.auth !== null, token !== null, username !== null || password !== null].filter(Boolean).length;
  if (ways > 1) {
    const hint = "Give credentials in one way: in the address, by INDEX_TOKEN, or by INDEX_USERNAME and INDEX_PASSWORD";
    given.refuse("index_url", "CONFIG_CONFLICT", "has credentials of more than one kind", hint);
  }
  if (token !== null) return { kind: "bearer", token };
  if (username !== null) return { kind: "basic", username, password: password ?? "" };
  if (password !== null) given.refuse("index_password", "CONFIG_CONFLICT", "is alone: it needs a user name", "Set INDEX_USERNAME, too");
  return main.auth;
}

/** Settings that say something of index_url while there is none. */
export function loneCredentials(given: MirrorValues): readonly string[] {
  if (given.entry("index_url") !== undefined) return [];
  return (["index_token", "index_username", "index_password"] as const).flatMap((key) => given.entry(key)?.origin ?? []);
}

function entryAuth(entry: IndexEntry, env: Env, failures: Failure[]): IndexAuth | null {
  const { token_env, username, password_env } = entry;
  const ways = [entry.url.auth !== null, token_env !== undefined, username !== undefined || password_env !== undefined];
  if (ways.filter(Boolean).length > 1) {
    const hint = "Keep one: credentials in the address, token_env, or username and password_env";
    failures.push(badEntry(entry, "has credentials of more than one kind", hint));
  }
  if (token_env !== undefined) {
    const token = secretOf(env, token_env, readSecret, entry, failures);
    return token === null ? null : { kind: "bearer", token };
  }
  if (password_env !== undefined && username === undefined) {
    failures.push(badEntry(entry, "has a password_env, but no username", "Write username, too; some services take any"));
  }
  if (username === undefined) return entry.url.auth;
  const password = password_env === undefined ? "" : secretOf(env, password_env, readPassword, entry, failures);
  return password === null ? null : { kind: "basic", username, password };
}

/** Of the variable that a file names. */
export function secretOf(
  env: Env,
  name: string,
  read: Reader<string>,
  placed: Pick<IndexEntry, "origin" | "place">,
  failures: Failure[],
): string | null {
  const value = env[name] ?? "";
  if (value === "") {
    failures.push(badEntry(placed, `needs the variable ${name}, which is not set`, `Set ${name}, or give --env-file a file that does`));
    return null;
  }
  const result = read(value);
  if (!result.ok) failures.push(badEntry(placed, `needs the variable ${name}, which ${result.failure}`));
  return result.ok ? result.value : null;
}
