/**
 * HTTP proxies as the environment names them: HTTP_PROXY, HTTPS_PROXY,
 * ALL_PROXY and NO_PROXY in either case, read as pip reads them, since who
 * sets them for pip expects them here. One difference: this machine itself is
 * never asked by way of a proxy, which could not reach it. Pure.
 */

import { isLoopback } from "../../base/loopback.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { hostOf } from "./reach.ts";

export interface Proxies {
  /** Of plain http and of https, as they were set; null for none. May hold credentials. */
  readonly http: string | null;
  readonly https: string | null;
  readonly bypass: readonly Bypass[];
}

interface Bypass {
  /** "*", a host and all its subdomains, or an address. */
  readonly host: string;
  readonly port: string | null;
  /** Of an IPv4 network ("10.0.0.0/8"): its address and mask as numbers. */
  readonly network: { readonly address: number; readonly mask: number } | null;
}

export function readProxies(env: Readonly<Record<string, string | undefined>>): Proxies {
  const read = (name: string): string | null => env[name.toLowerCase()] || env[name] || null;
  const all = read("ALL_PROXY");
  return {
    http: read("HTTP_PROXY") ?? all,
    https: read("HTTPS_PROXY") ?? all,
    bypass: (read("NO_PROXY") ?? "")
      .split(/[\s,]+/)
      .filter((entry) => entry !== "")
      .map(readBypass),
  };
}

/** The proxy for an address, null for none; the failure is a phrase that follows "Cannot fetch …: ". */
export function proxyFor(url: URL, proxies: Proxies): Result<URL | null, string> {
  const text = url.protocol === "https:" ? proxies.https : proxies.http;
  if (text === null || isBypassed(url, proxies.bypass)) return ok(null);
  const proxy = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (proxy === null || proxy.hostname === "") return fail("the address of the proxy in the environment can't be read");
  if (proxy.protocol !== "http:" && proxy.protocol !== "https:") {
    return fail(`the proxy in the environment is of the kind ${proxy.protocol}//, only http:// and https:// are supported`);
  }
  return ok(proxy);
}

function isBypassed(url: URL, bypass: readonly Bypass[]): boolean {
  const host = hostOf(url).replace(/\.$/, "");
  if (isLoopback(host) || host.endsWith(".localhost")) return true;
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const address = ipv4Of(host);
  return bypass.some((entry) => {
    if (entry.port !== null && entry.port !== port) return false;
    if (entry.network !== null) return address !== null && (address & entry.network.mask) >>> 0 === entry.network.address;
    return entry.host === "*" || host === entry.host || host.endsWith(`.${entry.host}`);
  });
}

function readBypass(entry: string): Bypass {
  const [, prefix, length] = /^([\d.]+)\/(\d{1,2})$/.exec(entry) ?? [];
  const address = prefix === undefined ? null : ipv4Of(prefix);
  if (address !== null && Number(length) <= 32) {
    const mask = length === "0" ? 0 : (0xffff_ffff << (32 - Number(length))) >>> 0;
    return { host: entry, port: null, network: { address: (address & mask) >>> 0, mask } };
  }
  // "host:port", "[v6]:port", "[v6]" and "v6": only one colon, or one after a bracket, starts a port.
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  const host = (bracketed ?? plain ?? entry).toLowerCase().replace(/\.$/, "");
  return { host: host === "*" ? host : host.replace(/^\*?\./, ""), port: port ?? null, network: null };
}

function ipv4Of(text: string): number | null {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || !parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255)) return null;
  return parts.reduce((value, part) => value * 256 + part, 0);
}
