/**
 * Reach: to which addresses may what an index names lead? The index's own
 * origin may be anywhere, the operator named it. Links and redirects to other
 * origins are the index's word: a public index that names 169.254.169.254 or
 * a printer in this network would have the mirror fetch it. So they may lead to
 * public addresses, and to others only as far as the index itself is there: an
 * index in a private network may name its neighbours. An index that was ever
 * seen at a public address is a public one, whatever its name says later. A
 * name is resolved once per connection, and the address that was checked is
 * the one connected to.
 */
import type { LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { builtin } from "../../base/builtin.ts";
import { type AddressClass, classifyAddress } from "../../host/outbound/address.ts";

export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

export const resolveBySystem: Resolve = (host) => builtin.dns.promises.lookup(host, { all: true });

export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
}

/** From which an index may name private addresses. */
const WITHIN: ReadonlySet<AddressClass> = new Set(["loopback", "private", "shared"]);
const NEIGHBOURS: ReadonlySet<AddressClass> = new Set(["private", "shared"]);

/** May an index that was seen at addresses of the classes `seen` name one of the class `kind`? */
export function mayName(seen: ReadonlySet<AddressClass>, kind: AddressClass): boolean {
  if (kind === "public") return true;
  if (seen.size === 0 || seen.has("public")) return false;
  return seen.has(kind) || (NEIGHBOURS.has(kind) && seen.isSubsetOf(WITHIN));
}

export class Reach {
  readonly #host: string;
  readonly #resolve: Resolve;
  readonly #seen = new Set<AddressClass>();

  constructor(indexUrl: string, resolve: Resolve) {
    this.#host = hostOf(new URL(indexUrl));
    this.#resolve = resolve;
    if (isIP(this.#host) !== 0) this.#seen.add(classifyAddress(this.#host));
  }

  /** For connections to the index's own origin: any address, remembered. */
  readonly ownLookup: LookupFunction = lookupBy(async (host) => {
    const addresses = await this.#resolve(host);
    for (const { address } of addresses) this.#seen.add(classifyAddress(address));
    return addresses;
  });

  /** For connections to what the index names: addresses within its reach only. */
  readonly namedLookup: LookupFunction = lookupBy(async (host) => this.#within(host, await this.#resolve(host)));

  /** An address instead of a name is never looked up. Throws AddressRefused. */
  async checkLiteral(url: URL): Promise<void> {
    const host = hostOf(url);
    const family = isIP(host);
    if (family !== 0) await this.#within(host, [{ address: host, family }]);
  }

  async #within(host: string, addresses: readonly LookupAddress[]): Promise<readonly LookupAddress[]> {
    if (addresses.every(({ address }) => classifyAddress(address) === "public")) return addresses;
    // The index may have moved since, or was never asked by this process.
    if (isIP(this.#host) === 0) {
      const now = await this.#resolve(this.#host).catch(() => []);
      for (const { address } of now) this.#seen.add(classifyAddress(address));
    }
    const open = addresses.filter(({ address }) => mayName(this.#seen, classifyAddress(address)));
    if (open.length > 0) return open;
    const kind = classifyAddress(addresses[0]!.address);
    throw new AddressRefused(`it leads to ${host}, a ${kind} address, which only an index at such an address may name`);
  }
}

export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function lookupBy(choose: (host: string) => Promise<readonly LookupAddress[]>): LookupFunction {
  return (host, options, callback) => {
    choose(host).then(
      (addresses) => {
        const wanted = addresses.filter(({ family }) => !options.family || options.family === family || options.family === `IPv${family}`);
        const first = wanted[0];
        if (first === undefined) callback(Object.assign(new Error("no address"), { code: "ENOTFOUND" }), "", 0);
        else if (options.all) callback(null, wanted);
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, "", 0),
    );
  };
}
