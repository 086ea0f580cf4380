/** Storage: a folder needs nothing said; a bucket needs its name and keys, and says what it lacks. */
import type { Failure } from "../../base/result.ts";
import { MIB } from "../../base/units.ts";
import type { StorageConfig } from "../mirror-config.ts";
import type { MirrorValues } from "./indexes.ts";
import { STORAGE_SETTINGS } from "./storage-settings.ts";
import type { Notice } from "./variables.ts";

export function settleStorage(given: MirrorValues, failures: Failure[], notices: Notice[]): StorageConfig {
  if (given.value("storage.type", "local") === "local") {
    notices.push(...pointlessNotices(given));
    return { kind: "local" };
  }
  const endpoint = settleEndpoint(given, notices);
  // A service of one's own seldom has a host name for each bucket.
  const forcePathStyle = given.value("storage.force_path_style", endpoint !== null);
  if (endpoint !== null && !forcePathStyle && !isHostName(new URL(endpoint).hostname)) {
    const { origin } = given.entry("storage.force_path_style")!;
    const message = `${given.entry("storage.endpoint")!.origin} has no name that a bucket could stand before`;
    failures.push({ code: "CONFIG_CONFLICT", message, hint: `Take ${origin} away: the bucket then stands in the path` });
  }
  return {
    kind: "s3",
    endpoint,
    region: given.value("storage.region", "us-east-1"),
    bucket: required(given, "storage.bucket", "S3_BUCKET", failures),
    prefix: given.value("storage.prefix", "pilotlight"),
    accessKeyId: required(given, "storage.access_key_id", "AWS_ACCESS_KEY_ID", failures),
    secretAccessKey: required(given, "storage.secret_access_key", "AWS_SECRET_ACCESS_KEY", failures),
    sessionToken: given.value("storage.session_token", null),
    forcePathStyle,
    partBytes: given.value("storage.part_size", 10 * MIB),
    connectionsMax: given.value("storage.connections", 32),
  };
}

function required(
  given: MirrorValues,
  key: "storage.bucket" | "storage.access_key_id" | "storage.secret_access_key",
  variable: string,
  failures: Failure[],
): string {
  const value = given.value(key, "");
  if (given.entry(key) === undefined) {
    const hint = key === "storage.bucket" ? `Set PILOTLIGHT_${variable}, or ${key} in pilotlight.yaml` : `Set ${variable}`;
    failures.push({ code: "CONFIG_CONFLICT", message: `Storage in S3 needs ${variable}`, hint });
  }
  return value;
}

function settleEndpoint(given: MirrorValues, notices: Notice[]): string | null {
  const endpoint = given.value("storage.endpoint", null);
  const useSsl = given.value("storage.use_ssl", null);
  if (endpoint === null) return null;
  if (!endpoint.includes("://")) return new URL(`${useSsl === false ? "http" : "https"}://${endpoint}`).origin;
  const { origin, protocol } = new URL(endpoint);
  if (useSsl !== null && useSsl !== (protocol === "https:")) {
    const names = { winner: given.entry("storage.endpoint")!.origin, loser: given.entry("storage.use_ssl")!.origin };
    notices.push({ code: "MIRROR_SETTING_WITHOUT_EFFECT", message: `${names.loser} gives way to the scheme in ${names.winner}` });
  }
  return origin;
}

/** False for an address of IPv4 or IPv6. */
function isHostName(hostname: string): boolean {
  return !/^\[|^[\d.]+$/.test(hostname);
}

/** Of an account's own variables nothing is said: other programs read them, too. */
function pointlessNotices(given: MirrorValues): Notice[] {
  const keys = Object.keys(STORAGE_SETTINGS) as (keyof typeof STORAGE_SETTINGS)[];
  return keys.flatMap((key) => {
    const origin = key === "storage.type" ? undefined : given.entry(key)?.origin;
    if (origin === undefined || origin.startsWith("AWS_")) return [];
    return [{ code: "MIRROR_SETTING_WITHOUT_EFFECT", message: `${origin} has no effect: files are kept in a folder, not in S3` }];
  });
}
