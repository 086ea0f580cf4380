/**
 * Address classification: may a guest that was promised "public addresses"
 * connect to this one? After the IANA special-purpose registries (RFC 6890 and
 * successors). Pure; takes an address text, not a host name. Whatever can't be
 * parsed, or carries another address in a form we can't judge, is not public.
 */

export type AddressClass =
  | "public"
  | "unspecified"
  | "loopback"
  | "private"
  | "shared"
  | "link-local"
  | "multicast"
  | "reserved"
  | "tunnel"
  | "invalid";

/** Prefixes of IPv4 that are not public: address, length, class. */
const IPV4_SPECIAL: readonly (readonly [string, number, AddressClass])[] = [
  ["0.0.0.0", 8, "unspecified"],
  ["10.0.0.0", 8, "private"],
  ["100.64.0.0", 10, "shared"],
  ["127.0.0.0", 8, "loopback"],
  ["169.254.0.0", 16, "link-local"],
  ["172.16.0.0", 12, "private"],
  ["192.0.0.0", 24, "reserved"],
  ["192.0.2.0", 24, "reserved"],
  ["192.88.99.0", 24, "tunnel"],
  ["192.168.0.0", 16, "private"],
  ["198.18.0.0", 15, "reserved"],
  ["198.51.100.0", 24, "reserved"],
  ["203.0.113.0", 24, "reserved"],
  ["224.0.0.0", 4, "multicast"],
  ["240.0.0.0", 4, "reserved"],
];

const IPV4_PREFIXES = IPV4_SPECIAL.map(([address, length, kind]) => {
  const mask = (0xffff_ffff << (32 - length)) >>> 0;
  return { network: ((parseIpv4(address) as number) & mask) >>> 0, mask, kind };
});

export function classifyAddress(address: string): AddressClass {
  const ipv4 = parseIpv4(address);
  if (ipv4 !== null) return classifyIpv4(ipv4);
  const groups = parseIpv6(address);
  return groups === null ? "invalid" : classifyIpv6(groups);
}

export function isPublicAddress(address: string): boolean {
  return classifyAddress(address) === "public";
}

function classifyIpv4(value: number): AddressClass {
  const match = IPV4_PREFIXES.find(({ network, mask }) => (value & mask) >>> 0 === network);
  return match?.kind ?? "public";
}

function classifyIpv6(groups: readonly number[]): AddressClass {
  const [a, b, c, d, e, f, g, h] = groups as [number, number, number, number, number, number, number, number];
  const embedded = ((g << 16) | h) >>> 0;
  const upperZero = a === 0 && b === 0 && c === 0 && d === 0;
  if (upperZero && e === 0 && f === 0) {
    if (embedded === 0) return "unspecified";
    // IPv4-compatible (::a.b.c.d) is deprecated: nothing public answers there.
    return embedded === 1 ? "loopback" : "reserved";
  }
  // IPv4-mapped and IPv4-translated: the system connects to the IPv4 address inside.
  if (upperZero && e === 0 && f === 0xffff) return classifyIpv4(embedded);
  if (upperZero && e === 0xffff && f === 0) return classifyIpv4(embedded);
  // NAT64's well-known prefix (RFC 6052) is how IPv6-only networks reach public IPv4.
  if (a === 0x64 && b === 0xff9b && c === 0 && d === 0 && e === 0 && f === 0) return classifyIpv4(embedded);
  if ((a & 0xffc0) === 0xfe80) return "link-local";
  // Site-local is deprecated but still routed inside old networks.
  if ((a & 0xffc0) === 0xfec0 || (a & 0xfe00) === 0xfc00) return "private";
  if ((a & 0xff00) === 0xff00) return "multicast";
  if (a === 0x2002 || (a === 0x2001 && b === 0)) return "tunnel";
  if (a === 0x2001 && (b < 0x200 || b === 0xdb8)) return "reserved";
  if (a === 0x3fff && b < 0x1000) return "reserved";
  // Only 2000::/3 is handed out for global unicast.
  return (a & 0xe000) === 0x2000 ? "public" : "reserved";
}

/** Four decimal numbers without leading zeros: the only spelling a resolver or the URL parser gives. */
function parseIpv4(text: string): number | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  let value = 0;
  for (const part of match.slice(1)) {
    if ((part.length > 1 && part.startsWith("0")) || Number(part) > 255) return null;
    value = value * 256 + Number(part);
  }
  return value;
}

/** Eight 16-bit groups of any RFC 4291 spelling, without a zone; null when it is none. */
function parseIpv6(text: string): number[] | null {
  let source = text.toLowerCase();
  const lastColon = source.lastIndexOf(":");
  if (source.includes(".")) {
    const ipv4 = parseIpv4(source.slice(lastColon + 1));
    if (ipv4 === null || lastColon === -1) return null;
    source = `${source.slice(0, lastColon + 1)}${(ipv4 >>> 16).toString(16)}:${(ipv4 & 0xffff).toString(16)}`;
  }
  const halves = source.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":"))) as [string[], string[] | undefined];
  const fill = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? fill !== 0 : fill < 1) return null;
  const groups = tail === undefined ? head : [...head, ...new Array<string>(fill).fill("0"), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return null;
  return groups.map((group) => Number.parseInt(group, 16));
}
