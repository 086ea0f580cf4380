/**
 * The connections to upstreams: undici, loaded with the first request. Each
 * index has pools of its own, one for its origin and one for what it names
 * elsewhere, so that a socket that was opened under one rule of reach never
 * serves another. Where the environment names a proxy, that is asked instead,
 * and finds the addresses itself.
 */
import type { Agent, buildConnector, Dispatcher, Pool } from "undici";
import { KIB, SECOND_MS } from "../../base/units.ts";
import type { UpstreamConfig } from "../../config/mirror-config.ts";
import type { Reach } from "./reach.ts";
import { loadTrust, type Trust } from "./trust.ts";

type Undici = typeof import("undici");

export const HEAD_MAX_BYTES = 64 * KIB;
const KEEP_ALIVE_MS = 10 * SECOND_MS;
/** Beside those of transfers: pages, lists, metadata. */
const PAGE_CONNECTIONS = 32;

/** A way to a server. */
export interface Route {
  readonly index: string;
  readonly reach: Reach;
  /** To the index's own origin. */
  readonly isOwn: boolean;
  readonly proxy: URL | null;
}

export async function loadDispatchers(upstream: UpstreamConfig): Promise<Dispatchers> {
  return new Dispatchers(await import("undici"), upstream);
}

export class Dispatchers {
  readonly request: Undici["request"];
  readonly #undici: Undici;
  readonly #upstream: UpstreamConfig;
  readonly #common: Agent.Options;
  readonly #pools = new Map<string, Dispatcher>();
  #trust: Trust | null = null;
  #closedFor: Error | null = null;

  constructor(undici: Undici, upstream: UpstreamConfig) {
    this.request = undici.request;
    this.#undici = undici;
    this.#upstream = upstream;
    this.#common = {
      // One answer a connection: a broken one takes no other along.
      allowH2: false,
      pipelining: 1,
      connections: upstream.downloadsMax * upstream.parallelRanges + PAGE_CONNECTIONS,
      maxHeaderSize: HEAD_MAX_BYTES,
      headersTimeout: upstream.readTimeoutMs,
      bodyTimeout: upstream.readTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
    };
  }

  /** Throws TrustError where TLS needs a CA file that can't be used, and once closed. */
  through(route: Route): Dispatcher {
    if (this.#closedFor !== null) throw this.#closedFor;
    const key = `${route.index} ${route.proxy?.href ?? (route.isOwn ? "own" : "elsewhere")}`;
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = route.proxy === null ? this.#direct(route) : this.#proxied(route.proxy);
      this.#pools.set(key, pool);
    }
    return pool;
  }

  /** Idle connections end, requests under way fail with `reason`. */
  async close(reason: Error): Promise<void> {
    this.#closedFor = reason;
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy(reason)));
  }

  #direct({ isOwn, reach }: Route): Dispatcher {
    const lookup = isOwn ? reach.ownLookup : reach.namedLookup;
    const options = { timeout: this.#upstream.connectTimeoutMs, allowH2: false, lookup };
    const plain = this.#undici.buildConnector(options);
    let secure: buildConnector.connector | null = null;
    return new this.#undici.Agent({
      ...this.#common,
      connect: (to, callback) => {
        if (to.protocol === "https:") secure ??= this.#undici.buildConnector({ ...options, ...this.#trusted() });
        const connector = to.protocol === "https:" ? secure! : plain;
        connector(to, (...[error, socket]) => {
          socket?.prependListener("error", nameReset);
          callback(...([error, socket] as Parameters<typeof callback>));
        });
      },
    });
  }

  #proxied(proxy: URL): Dispatcher {
    const pool = (origin: string | URL, options: object): Pool => new this.#undici.Pool(origin, { ...this.#common, ...options });
    return new this.#undici.ProxyAgent({
      ...this.#common,
      uri: proxy.href,
      connectTimeout: this.#upstream.connectTimeoutMs,
      requestTls: this.#trusted(),
      proxyTls: this.#trusted(),
      // Of themselves its pools towards the proxy would have none of our limits.
      factory: pool,
      clientFactory: pool,
    });
  }

  #trusted(): Trust {
    this.#trust ??= loadTrust(this.#upstream);
    return this.#trust;
  }
}

/** undici takes a reset for the end of a body that ends with its connection. To us it is a body that broke off. */
function nameReset(error: NodeJS.ErrnoException): void {
  if (error.code === "ECONNRESET") error.code = "ECONNABORTED";
}
