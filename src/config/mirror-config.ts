/**
 * MirrorConfig: what `pilotlight mirror` runs with, after every default is
 * filled and every unit converted. Produced once (mirror/parse.ts), frozen,
 * then trusted. Plain data: parts of it cross to threads.
 */
import type { HttpLimits, TlsConfig } from "./config.ts";

export interface MirrorConfig {
  readonly host: string;
  /** 0 asks the system for a free port. */
  readonly port: number;
  readonly tls: TlsConfig | null;
  readonly http: HttpLimits;
  /** Absolute folder for the index database, partial transfers and, with local storage, the files. */
  readonly cacheDir: string;
  /** Sum of stored files above which the least recently used go; 0 keeps no file beyond its transfer. */
  readonly cacheMaxBytes: number;
  readonly storage: StorageConfig;
  /** In order: the first that knows a project owns it. Never empty, except with `packagesDir` or `offline`. */
  readonly indexes: readonly IndexConfig[];
  /** Wheels and sdists here form an index before all others, and own their names. Absolute. */
  readonly packagesDir: string | null;
  /** Names that only one index may answer; the first pattern that matches decides. */
  readonly pins: readonly NamePin[];
  readonly policy: PolicyConfig;
  readonly upstream: UpstreamConfig;
  /** Prepared representations: how long one is used without a look at its page, and what all may weigh together. */
  readonly responseCacheTtlMs: number;
  readonly responseCacheMaxBytes: number;
  /** A project page that came from upstream warms the metadata of so many of its newest versions; 0 is off. */
  readonly prefetchVersions: number;
  /** application/octet-stream for files in place of a type by name (proxpi's BINARY_FILE_MIME_TYPE). */
  readonly binaryFileMimeType: boolean;
  /** Who may use the mirror; null lets everybody who can reach it. */
  readonly clients: ClientsConfig | null;
  readonly log: { readonly level: "debug" | "info" | "warn" | "error"; readonly format: "json" | "console"; readonly color: boolean };
}

export interface IndexConfig {
  /** As metrics, logs and explanations name it: "index-1" unless given. Never holds a secret. */
  readonly name: string;
  /** Of the simple API, without credentials, with its slash at the end. */
  readonly url: string;
  readonly ttlMs: number;
  readonly auth: IndexAuth | null;
}

export type IndexAuth =
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  | { readonly kind: "bearer"; readonly token: string };

export interface UpstreamConfig {
  readonly connectTimeoutMs: number;
  /** The longest silence before and within an answer. */
  readonly readTimeoutMs: number;
  /** Further attempts at what failed in a way that may pass. */
  readonly retriesMax: number;
  readonly retryDelayMs: number;
  /** Transfers of files at once; further ones wait. */
  readonly downloadsMax: number;
  /** A file above 32 MiB comes in so many ranges at once where upstream allows; 1 is one request. */
  readonly parallelRanges: number;
  /** PEM bundle trusted beside the system's roots, absolute. */
  readonly caFile: string | null;
  readonly verifyTls: boolean;
  /** Asks nobody: what is kept is served, whatever its age. */
  readonly offline: boolean;
  /** How long past its freshness a page may answer while its index fails. */
  readonly staleIfErrorMs: number;
  /** How long "no such project" is believed, and that a file has no metadata, signature or provenance. */
  readonly negativeTtlMs: number;
  readonly pageMaxBytes: number;
  readonly listMaxBytes: number;
  readonly fileMaxBytes: number;
}

export type StorageConfig =
  | { readonly kind: "local" }
  | {
      readonly kind: "s3";
      /** Origin of the service; null is the provider's own for the region. */
      readonly endpoint: string | null;
      readonly region: string;
      readonly bucket: string;
      /** Without slashes at its ends; "" for none. */
      readonly prefix: string;
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      /** Belongs to keys that are given for some time only. */
      readonly sessionToken: string | null;
      readonly forcePathStyle: boolean;
      readonly partBytes: number;
      readonly connectionsMax: number;
    };

/** `pattern` is a normalised project name in which "*" stands for any characters. */
export interface NamePin {
  readonly pattern: string;
  /** Name of an index. */
  readonly index: string;
}

export interface PolicyConfig {
  /** `shadow` hides nothing and says what it would have hidden. */
  readonly mode: "enforce" | "shadow";
  /** The first rule that matches decides; no match allows. */
  readonly rules: readonly PolicyRule[];
  /** Files younger than this are hidden; 0 is off. A file whose index gives no upload time is hidden then, too. */
  readonly cooldownMs: number;
  /** Names that the cool-down passes over. */
  readonly cooldownExempt: readonly string[];
}

export interface PolicyRule {
  readonly action: "allow" | "deny";
  /** Patterns as in NamePin. */
  readonly names: readonly string[];
  /** A version specifier (PEP 440), "" for every version. */
  readonly versions: string;
  /** Shown to whoever is refused. */
  readonly reason: string | null;
}

export interface ClientsConfig {
  /** Bearer tokens; as the password of any user name they work for pip and uv, too. */
  readonly tokens: readonly string[];
  /** htpasswd file (bcrypt, apr1, {SHA}; plain and crypt are refused), absolute. */
  readonly htpasswdFile: string | null;
}
