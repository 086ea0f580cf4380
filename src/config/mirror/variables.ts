/**
 * Variables of the mirror: those of proxpi and groxpi under their own prefixes
 * and under ours, which wins, then the ones without a prefix that groxpi and
 * the tools of S3 read. None is passed over without a word: each means
 * something, or a notice says why it can't. Must not say a value anywhere.
 */
import type { Failure } from "../../base/result.ts";
import { CONFIG_VARIABLE } from "../file-flags.ts";
import type { SettingTable } from "../setting.ts";
import { SETTINGS } from "../settings.ts";
import { type Env, misspeltVariables, type Variable } from "../variables.ts";
import type { MirrorSetting } from "./mirror-setting.ts";
import { MIRROR_SETTINGS } from "./settings.ts";

/** What somebody should know although nothing is wrong. */
export type Notice = Pick<Failure, "code" | "message" | "hint">;

/** Who comes first wins. */
export const PREFIXES = ["PILOTLIGHT_", "GROXPI_", "PROXPI_"] as const;
const [OUR_PREFIX, ...THEIR_PREFIXES] = PREFIXES;

const ONE_POOL = "there is one pool of connections here: S3_MAX_CONNECTIONS";
const VERIFIED_FIRST = "a file goes to the bucket once it has arrived whole and verified, and no client waits for that";
const NO_HYBRID = "it belongs to hybrid storage, which is not offered";

/** Variables of the others that can't mean anything here, and why. */
export const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  DOWNLOAD_TIMEOUT: "clients are never sent on to the index: a file is streamed to them while it arrives",
  RESPONSE_CACHE_SIZE: "it counts entries; prepared pages are bounded by their memory here: RESPONSE_CACHE_MEMORY",
  S3_READ_POOL_SIZE: ONE_POOL,
  S3_WRITE_POOL_SIZE: ONE_POOL,
  S3_META_POOL_SIZE: ONE_POOL,
  S3_ENABLE_HTTP2: "the service is asked by HTTP/1.1, over several connections",
  S3_TRANSFER_ACCEL: "an accelerated endpoint is an address like any other: S3_ENDPOINT",
  S3_ASYNC_WRITES: VERIFIED_FIRST,
  S3_ASYNC_WORKERS: VERIFIED_FIRST,
  S3_ASYNC_QUEUE_SIZE: VERIFIED_FIRST,
  LOCAL_CACHE_SIZE: NO_HYBRID,
  LOCAL_CACHE_DIR: NO_HYBRID,
  LOCAL_CACHE_TTL: NO_HYBRID,
  TIERED_SYNC_WORKERS: NO_HYBRID,
  TIERED_SYNC_QUEUE_SIZE: NO_HYBRID,
};

const SETTING_ENTRIES = Object.entries(MIRROR_SETTINGS) as readonly (readonly [string, MirrorSetting<unknown>])[];

const PREFIXED = [...SETTING_ENTRIES.flatMap(([, { variables = [] }]) => variables), ...Object.keys(WITHOUT_EFFECT)];
const KNOWN: readonly string[] = [
  ...PREFIXES.flatMap((prefix) => PREFIXED.map((name) => prefix + name)),
  CONFIG_VARIABLE,
  `${OUR_PREFIX}DATA_DIR`,
];

/** Every variable that sets something, by precedence where several set the same. */
export function mirrorVariables(env: Env): readonly Variable[] {
  return SETTING_ENTRIES.flatMap(([setting, entry]) => {
    const names = PREFIXES.flatMap((prefix) => (entry.variables ?? []).map((name) => prefix + name));
    const bare = (entry.bareVariables ?? []).filter((name) => name !== "HOST" || isAddress(env[name]));
    const read = entry.readVariable;
    return [...names, ...bare].map((name) => ({ name, setting, ...(read === undefined ? {} : { read }) }));
  });
}

/**
 * Some shells keep the machine's name in HOST. To listen on that would open
 * the mirror to others, unasked. Not by net.isIP, which compiles a regular
 * expression for 8 ms of every start: readHost judges what looks like one.
 */
function isAddress(text: string | undefined): boolean {
  return /^(?:[\d.]+|\[?[\da-f.]*:[\da-f:.]*\]?)$/i.test(text ?? "");
}

/** Those that are set and change nothing: too old an idea, or beaten by another. */
export function variableNotices(env: Env): readonly Notice[] {
  const isSet = (name: string): boolean => (env[name] ?? "") !== "";
  const pointless = PREFIXES.flatMap((prefix) =>
    Object.entries(WITHOUT_EFFECT).flatMap(([name, why]) => (isSet(prefix + name) ? [withoutEffect(prefix + name, why)] : [])),
  );
  const beaten = SETTING_ENTRIES.flatMap(([, { variables = [] }]) => {
    const [winner, ...others] = PREFIXES.flatMap((prefix) => variables.map((name) => prefix + name)).filter(isSet);
    return others.filter((name) => env[name] !== env[winner!]).map((name) => givesWay(name, winner!));
  });
  const theirs = Object.keys(env).filter((name) => isSet(name) && THEIR_PREFIXES.some((prefix) => name.startsWith(prefix)));
  const unknown = theirs.filter((name) => !KNOWN.includes(name));
  return [...pointless, ...beaten, ...unknown.map((name) => withoutEffect(name, "nothing here is called so"))];
}

/** Near misses only: what is far from all we know got a notice, or is somebody's own. */
export function misspeltMirrorVariables(env: Env): readonly Failure[] {
  return PREFIXES.flatMap((prefix) => {
    const known = KNOWN.filter((name) => name.startsWith(prefix));
    return misspeltVariables(env, prefix, known, prefix === OUR_PREFIX ? serverVariables() : []);
  });
}

function withoutEffect(name: string, why: string): Notice {
  return { code: "MIRROR_VARIABLE_WITHOUT_EFFECT", message: `${name} has no effect: ${why}` };
}

function givesWay(name: string, winner: string): Notice {
  return { code: "MIRROR_VARIABLE_GIVES_WAY", message: `${name} gives way to ${winner}, which says something else` };
}

/** One environment may be that of the function server, too. */
function serverVariables(): string[] {
  return Object.values(SETTINGS as SettingTable).flatMap(({ env }) => env ?? []);
}
