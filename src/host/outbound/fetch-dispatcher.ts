/**
 * The outbound connections: undici, loaded when a function first fetches. Two
 * pools that never share a socket: one for origins the operator named, one
 * whose every connection goes to an address that was found public. The name is
 * resolved once per connection and the checked address is the one connected to,
 * so a second answer from a hostile name server changes nothing.
 */
import type { LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import type { Agent } from "undici";
import { builtin } from "../../base/builtin.ts";
import { isPublicAddress } from "./address.ts";
import { type Reach, requirePublic } from "./fetch-target.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 60_000;
/** The longest silence inside a body. */
const BODY_TIMEOUT_MS = 60_000;
const HEADER_MAX_BYTES = 64 * 1024;
const CONNECTIONS_PER_ORIGIN = 128;

type Undici = typeof import("undici");

export interface Outbound {
  readonly request: Undici["request"];
  readonly agents: Readonly<Record<Reach, Agent>>;
}

let loading: Promise<Outbound> | null = null;

export function loadOutbound(): Promise<Outbound> {
  loading ??= import("undici").then(({ Agent, request }) => {
    const common = {
      allowH2: false,
      bodyTimeout: BODY_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      maxHeaderSize: HEADER_MAX_BYTES,
      connections: CONNECTIONS_PER_ORIGIN,
      pipelining: 1,
    };
    return {
      request,
      agents: {
        named: new Agent({ ...common, connect: { timeout: CONNECT_TIMEOUT_MS } }),
        public: new Agent({ ...common, connect: { timeout: CONNECT_TIMEOUT_MS, lookup: publicLookup() } }),
      },
    };
  });
  return loading;
}

type Resolve = (host: string, callback: (error: Error | null, addresses: LookupAddress[]) => void) => void;

const resolveAll: Resolve = (host, callback) => builtin.dns.lookup(host, { all: true }, callback);

/** A `lookup` for net.connect that answers public addresses only, and faults when a name has none. */
export function publicLookup(resolve: Resolve = resolveAll): LookupFunction {
  return (host, options, callback) => {
    resolve(host, (error, addresses) => {
      if (error !== null) return callback(error, "", 0);
      const wanted = addresses.filter(({ family }) => !options.family || options.family === family || options.family === `IPv${family}`);
      const open = wanted.filter(({ address }) => isPublicAddress(address));
      const [first] = open;
      if (first === undefined) {
        try {
          requirePublic(host, wanted[0]?.address ?? "");
        } catch (refusal) {
          return callback(refusal as Error, "", 0);
        }
        return;
      }
      if (options.all) callback(null, open);
      else callback(null, first.address, first.family);
    });
  };
}
