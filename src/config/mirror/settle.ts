/**
 * Settle: what was given becomes the MirrorConfig. Every default stands here
 * or beside what it belongs to (indexes.ts, storage.ts), nowhere else; then
 * the relations between settings are checked. Every problem is collected,
 * none stops the others.
 */
import { join, relative, sep } from "node:path";
import { isLoopback } from "../../base/loopback.ts";
import type { Failure } from "../../base/result.ts";
import { DAY_MS, GIB, MIB, MINUTE_MS, SECOND_MS } from "../../base/units.ts";
import { settleHttp } from "../http-settings.ts";
import type { ClientsConfig, IndexConfig, MirrorConfig, PolicyConfig, PolicyRule, UpstreamConfig } from "../mirror-config.ts";
import type { Env } from "../variables.ts";
import { type MirrorValues, secretOf } from "./indexes.ts";
import { readSecret } from "./readers.ts";
import { settleStorage } from "./storage.ts";
import { badEntry, type RuleEntry } from "./structures.ts";
import type { Notice } from "./variables.ts";

export const MIRROR_PORT_DEFAULT = 5005;
const LOOPBACK = "127.0.0.1";
/** Shorter ones can be guessed over the network in time. */
const TOKEN_GOOD_LENGTH = 16;

/** A phrase that follows a version specifier (PEP 440) which can't be read; null for a good one. */
export type FaultOfVersions = (versions: string) => Promise<string | null>;

export interface SettleMirror {
  readonly given: MirrorValues;
  readonly rules: readonly RuleEntry[];
  readonly env: Env;
  /** Absolute. */
  readonly dataDir: string;
  /** Whether whoever reads standard output wants colours. */
  readonly seesColour: boolean;
  /** Both are added to. */
  readonly failures: Failure[];
  readonly notices: Notice[];
}

/** All but what asks who the indexes are. */
export type SettledMirror = Omit<MirrorConfig, "indexes" | "pins">;

export function settleMirror(parts: SettleMirror): SettledMirror {
  const { given, failures, notices } = parts;
  const config: SettledMirror = {
    host: given.value("host", LOOPBACK),
    port: given.value("port", MIRROR_PORT_DEFAULT),
    tls: given.tlsPair("tls.cert", "tls.key"),
    http: settleHttp(given, 16 * MIB),
    cacheDir: given.path("cache.dir", "any") ?? join(parts.dataDir, "mirror"),
    cacheMaxBytes: given.value("cache.size", 5 * GIB),
    storage: settleStorage(given, failures, notices),
    packagesDir: given.path("packages", "directory"),
    policy: settlePolicy(given, parts.rules),
    upstream: settleUpstream(given),
    responseCacheTtlMs: given.value("response_cache.ttl", 5 * MINUTE_MS),
    responseCacheMaxBytes: given.value("response_cache.memory", 128 * MIB),
    prefetchVersions: given.value("prefetch", 0),
    binaryFileMimeType: given.value("binary_file_mime_type", false),
    clients: settleClients(parts),
    log: {
      level: given.value("log.level", "info"),
      format: given.value("log.format", "json"),
      color: given.value("log.color", parts.seesColour),
    },
  };
  failures.push(...folderFailures(config));
  notices.push(...opennessNotices(config));
  return config;
}

function settleUpstream(given: MirrorValues): UpstreamConfig {
  return {
    connectTimeoutMs: given.value("upstream.connect_timeout", 5 * SECOND_MS),
    readTimeoutMs: given.value("upstream.read_timeout", 20 * SECOND_MS),
    retriesMax: given.value("upstream.retries", 3),
    retryDelayMs: given.value("upstream.retry_delay", 250),
    downloadsMax: given.value("upstream.downloads", 16),
    parallelRanges: given.value("upstream.parallel_ranges", 1),
    caFile: given.path("upstream.ca_file", "file"),
    verifyTls: !given.value("upstream.insecure", false),
    offline: given.value("offline", false),
    staleIfErrorMs: given.value("upstream.stale_if_error", 30 * DAY_MS),
    negativeTtlMs: given.value("upstream.negative_ttl", MINUTE_MS),
    pageMaxBytes: given.value("upstream.page_max", 64 * MIB),
    listMaxBytes: given.value("upstream.list_max", 128 * MIB),
    fileMaxBytes: given.value("upstream.file_max", 16 * GIB),
  };
}

function settlePolicy(given: MirrorValues, rules: readonly RuleEntry[]): PolicyConfig {
  const denied = given.value("policy.deny", []).map((name): PolicyRule => ({ action: "deny", names: [name], versions: "", reason: null }));
  const listed = rules.map(
    ({ deny, allow, versions, reason }): PolicyRule => ({
      action: deny === undefined ? "allow" : "deny",
      names: deny ?? allow ?? [],
      versions: versions ?? "",
      reason: reason ?? null,
    }),
  );
  return {
    mode: given.value("policy.mode", "enforce"),
    rules: [...denied, ...listed],
    cooldownMs: given.value("policy.cooldown", 0),
    cooldownExempt: given.value("policy.cooldown_exempt", []),
  };
}

function settleClients({ given, env, failures, notices }: SettleMirror): ClientsConfig | null {
  const asked = given.entry("clients.tokens_env");
  const placed = { origin: asked?.origin ?? "", place: asked?.at === undefined ? {} : { at: asked.at } };
  const named = given.value("clients.tokens_env", []).flatMap((name) => secretOf(env, name, readSecret, placed, failures) ?? []);
  const tokens = [...given.value("clients.tokens", []), ...named];
  const htpasswdFile = given.path("clients.htpasswd", "file");
  if (tokens.some((token) => token.length < TOKEN_GOOD_LENGTH)) {
    const hint = `Use ${TOKEN_GOOD_LENGTH} characters or more: openssl rand -hex 16`;
    notices.push({ code: "MIRROR_TOKEN_SHORT", message: "A client token is short enough to be guessed", hint });
  }
  return tokens.length === 0 && htpasswdFile === null ? null : { tokens, htpasswdFile };
}

/** `faultOf` reads specifiers as the policy will: its parser is loaded when somebody wrote some. */
export async function versionFailures(rules: readonly RuleEntry[], faultOf: FaultOfVersions): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  for (const rule of rules) {
    const fault = rule.versions === undefined ? null : await faultOf(rule.versions);
    if (fault !== null) failures.push(badEntry(rule, `has versions: ${JSON.stringify(rule.versions)} ${fault}`));
  }
  return failures;
}

/** What is open to others, and was perhaps not meant to be. */
function opennessNotices({ host, clients, upstream }: SettledMirror): Notice[] {
  const notices: Notice[] = [];
  // The default is known: whether another is loopback costs a start that must be short (base/loopback.ts).
  if (clients === null && host !== LOOPBACK && !isLoopback(host)) {
    const message = `The mirror listens on ${host}: anyone who reaches it may use it`;
    notices.push({ code: "MIRROR_OPEN", message, hint: "Set PILOTLIGHT_CLIENT_TOKENS, or give --htpasswd" });
  }
  if (!upstream.verifyTls) {
    const message = "Certificates of indexes are not verified: whoever stands between may answer for them";
    notices.push({ code: "MIRROR_INSECURE", message, hint: "Trust the index's own certificate by --ca-file instead" });
  }
  return notices;
}

/** The other way round does no harm: what the cache holds is named by digests, and no wheel or sdist. */
function folderFailures({ packagesDir, cacheDir }: Pick<MirrorConfig, "packagesDir" | "cacheDir">): Failure[] {
  if (packagesDir === null || !isWithin(packagesDir, cacheDir)) return [];
  const message = `The folder of packages ${packagesDir} lies in the cache ${cacheDir}`;
  return [{ code: "CONFIG_CONFLICT", message, hint: "Give --packages or --cache-dir a folder of its own" }];
}

function isWithin(inner: string, outer: string): boolean {
  const path = relative(outer, inner);
  return path !== ".." && !path.startsWith(`..${sep}`);
}

/** An index that is the mirror itself would be asked by its own question for ever. */
export function selfFailure(
  { url }: Pick<IndexConfig, "url">,
  from: string,
  { host, port }: Pick<MirrorConfig, "host" | "port">,
): Failure | null {
  const { hostname, port: urlPort, protocol } = new URL(url);
  const askedPort = urlPort === "" ? (protocol === "https:" ? 443 : 80) : Number(urlPort);
  // Most are told apart by the port: to look at hosts costs every start 8 ms (net.isIP compiles its patterns).
  if (port === 0 || askedPort !== port) return null;
  const askedHost = hostname.replace(/^\[(.*)\]$/, "$1");
  const isHere = askedHost === host || (isLoopback(askedHost) && (isLoopback(host) || ["0.0.0.0", "::"].includes(host)));
  if (!isHere) return null;
  return {
    code: "MIRROR_OF_ITSELF",
    message: `The index to mirror, ${url} (from ${from}), is this mirror itself`,
    hint: "Give --index-url the address of the index behind it, or another -p",
  };
}
