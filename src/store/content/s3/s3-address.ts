/**
 * Addresses of a bucket and of the objects in it, in path style or with the
 * bucket in the host's name. Everything is escaped as signatures (SigV4) want
 * it; the prefix is the operator's, so it may hold whatever a key may hold,
 * except segments that addresses can't carry.
 */
import { assert } from "../../../base/assert.ts";
import type { StorageConfig } from "../../../config/mirror-config.ts";

export type S3Storage = Extract<StorageConfig, { kind: "s3" }>;
export type S3Place = Pick<S3Storage, "endpoint" | "region" | "bucket" | "prefix" | "forcePathStyle">;

/** The settings were judged where they were read; no mistake of ours may let a key leave the prefix, or a request the service. */
export function assertPlace({ endpoint, prefix, bucket }: S3Place): void {
  assert(
    endpoint === null || (/^https?:/.test(endpoint) && URL.parse(endpoint)?.origin === endpoint),
    "the endpoint of the storage is no origin",
  );
  assert(/^[\w.-]+$/.test(bucket) && !/^\.+$/.test(bucket), `"${bucket}" is no name of a bucket`);
  assert(prefix === "" || prefix.split("/").every((part) => !/^\.{0,2}$/.test(part)), `"${prefix}" is no prefix of keys`);
}

/** `place` null is the bucket itself. */
export function s3Url(s3: S3Place, place: string | null, query: Readonly<Record<string, string>> = {}): string {
  const url = new URL(s3.endpoint ?? providerOrigin(s3.region));
  if (!s3.forcePathStyle) url.host = `${s3.bucket}.${url.host}`;
  const key = place === null ? [] : [...(s3.prefix === "" ? [] : s3.prefix.split("/")), ...place.split("/")];
  const segments = [...(s3.forcePathStyle ? [s3.bucket] : []), ...key];
  const parameters = Object.entries(query).map(([name, value]) => `${escaped(name)}=${escaped(value)}`);
  return `${url.origin}/${segments.map(escaped).join("/")}${parameters.length === 0 ? "" : `?${parameters.join("&")}`}`;
}

/** For messages: says where, tells no secret. */
export function describeBucket({ endpoint, region, bucket }: S3Place): string {
  return `the bucket "${bucket}" at ${new URL(endpoint ?? providerOrigin(region)).host}`;
}

function providerOrigin(region: string): string {
  return `https://s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}

function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
