/**
 * What this machine already says of its indexes, for a mirror that is told
 * nothing: contracts between the configuration, which asks, and whoever looks
 * (src/mirror/discover-index.ts); and the certificates that pip's and uv's
 * variables name, which need no looking for.
 */
import { resolve } from "node:path";
import { statOrNull } from "../source.ts";
import type { Env } from "../variables.ts";
import type { IndexAddress } from "./index-address.ts";
import type { Notice } from "./variables.ts";

export interface DiscoveredIndex {
  readonly address: IndexAddress;
  /** Where it was found, as people are told: "PIP_INDEX_URL", "pip's own default". */
  readonly from: string;
  /** A bundle of certificates that pip's settings name. */
  readonly caFile: string | null;
  readonly notices: readonly Notice[];
}

/** A failure is a phrase that says what was found and can't be used; null when there was nothing. */
export type DiscoverIndex = (env: Env) => Promise<DiscoveredIndex | { readonly unusable: string } | null>;

/** In the order in which pip looks at them; the last is OpenSSL's, which uv reads. */
const CA_VARIABLES = ["PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"];

export interface EnvironmentCa {
  readonly file: string | null;
  readonly notices: readonly Notice[];
}

export function environmentCa(env: Env, cwd: string): EnvironmentCa {
  const name = CA_VARIABLES.find((variable) => (env[variable] ?? "") !== "");
  if (name === undefined) return { file: null, notices: [] };
  const file = resolve(cwd, env[name]!);
  if (statOrNull(file)?.isFile()) return { file, notices: [] };
  const message = `${name} names no file: only the system's certificates are trusted`;
  return { file: null, notices: [{ code: "MIRROR_CA_MISSING", message, hint: "Name a PEM bundle by --ca-file" }] };
}
