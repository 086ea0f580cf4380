/**
 * What a mirror says when it is up: what it mirrors and where it found that,
 * where it keeps it, and the lines by which pip and uv use it. Holds no
 * credentials: the addresses are shown without what looks like a key.
 */
import { hostname } from "node:os";
import { isLoopback } from "../base/loopback.ts";
import { shownAddress } from "../base/shown-address.ts";
import { palette } from "../base/terminal.ts";
import { describeBytes } from "../base/units.ts";
import type { FoundMirrorConfig } from "../config/mirror/parse.ts";
import { describePolicy } from "../config/mirror/policy-summary.ts";
import type { MirrorConfig } from "../config/mirror-config.ts";
import type { Call } from "./command.ts";

export interface MirrorUse {
  readonly url: string;
  readonly simpleUrl: string;
  readonly pip: string;
  readonly uv: string;
  readonly env: Readonly<Record<string, string>>;
}

export function greetFromMirror({ flag, io }: Call, found: FoundMirrorConfig, port: number): void {
  const use = howToUse(found.config, port);
  io.stdout.write(`${flag("json") ? JSON.stringify(asData(found, use)) : asText(found, use, io)}\n`);
}

/** `machine` is this machine's name: where it listens on every address, the lines are for others. */
export function howToUse(
  { host, tls, clients }: Pick<MirrorConfig, "host" | "tls" | "clients">,
  port: number,
  machine = hostname(),
): MirrorUse {
  const localHost = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  // What is no name that an address could hold is of no use to others.
  const othersHost = localHost !== host && /^[a-z0-9][a-z0-9.-]*$/i.test(machine) ? machine : localHost;
  const scheme = tls === null ? "http" : "https";
  const simpleUrl = `${scheme}://${clients === null ? "" : "USER:PASSWORD@"}${authorityOf(othersHost, port)}/simple/`;
  // pip believes plain HTTP of this machine only.
  const trust = tls === null && !isLoopback(othersHost) ? ` --trusted-host ${othersHost}` : "";
  return {
    url: `${scheme}://${authorityOf(localHost, port)}`,
    simpleUrl,
    pip: `pip install --index-url ${simpleUrl}${trust} NAME`,
    uv: `uv pip install --default-index ${simpleUrl} NAME`,
    env: { PIP_INDEX_URL: simpleUrl, UV_DEFAULT_INDEX: simpleUrl, ...(trust === "" ? {} : { PIP_TRUSTED_HOST: othersHost }) },
  };
}

function authorityOf(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function asData({ config, indexFrom, notices }: FoundMirrorConfig, use: MirrorUse): object {
  const indexes = config.indexes.map(({ name, url }, place) => ({
    name,
    url: shownAddress(url),
    ...(place === 0 ? { from: indexFrom } : {}),
  }));
  const { cacheDir, cacheMaxBytes, packagesDir } = config;
  return {
    listening: { url: use.url },
    indexes,
    packagesDir,
    offline: config.upstream.offline,
    storage: config.storage.kind,
    cacheDir,
    cacheMaxBytes,
    policy: policyData(config),
    use: { simpleUrl: use.simpleUrl, pip: use.pip, uv: use.uv, env: use.env },
    notices,
  };
}

/** As `--cache-size` means it. */
export function describeRoom(maxBytes: number): string {
  return maxBytes === 0 ? "keeps no files" : `at most ${describeBytes(maxBytes)}`;
}

function policyData(config: MirrorConfig): object | null {
  const summary = describePolicy(config);
  const { mode, cooldownMs, rules } = config.policy;
  return summary === null ? null : { summary, mode, cooldownMs, ruleCount: rules.length, pinCount: config.pins.length };
}

function asText({ config, indexFrom }: FoundMirrorConfig, use: MirrorUse, { stdout, env }: Call["io"]): string {
  const colour = palette(stdout, env);
  const { upstream, packagesDir, storage } = config;
  const sources = [
    ...(packagesDir === null ? [] : [`packages   ${packagesDir}`]),
    ...config.indexes.map(({ name, url }, place) => {
      const from = place === 0 && indexFrom !== null ? colour.dim(` (from ${indexFrom})`) : "";
      return `${name.padEnd(10)} ${shownAddress(url)}${from}`;
    }),
  ];
  const policy = describePolicy(config);
  const bucket = storage.kind === "s3" ? `, files in the bucket ${storage.bucket}` : "";
  return [
    "",
    `${colour.bold("Pilotlight")} mirrors on ${colour.cyan(use.url)}${upstream.offline ? ", offline" : ""}`,
    ...sources.map((line) => `  ${line}`),
    `  ${"cache".padEnd(10)} ${config.cacheDir}, ${describeRoom(config.cacheMaxBytes)}${bucket}`,
    ...(policy === null ? [] : [`  ${"policy".padEnd(10)} ${policy}`]),
    "",
    `  ${use.pip}`,
    `  ${use.uv}`,
    "",
    colour.dim("For all that a shell installs:"),
    `  export ${Object.entries(use.env)
      .map(([name, value]) => `${name}=${value}`)
      .join(" ")}`,
    "",
  ].join("\n");
}
