/**
 * Hop-by-hop fields (RFC 9110 section 7.6.1): lines that belong to one
 * connection and must not be passed on by a relay. Pure.
 */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Names to leave out: the standing ones and those that `Connection` lists. */
export function hopByHopNames(connectionValues: readonly string[]): ReadonlySet<string> {
  if (connectionValues.length === 0) return HOP_BY_HOP;
  const names = new Set(HOP_BY_HOP);
  for (const value of connectionValues) for (const name of value.split(",")) names.add(name.trim().toLowerCase());
  return names;
}

/** [name, value] pairs of a block of "Name: value\r\n" lines. */
export function headerPairs(block: string): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (const line of block.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) pairs.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
  return pairs;
}

export function valuesOf(pairs: readonly (readonly [string, string])[], name: string): string[] {
  return pairs.filter((pair) => pair[0].toLowerCase() === name).map((pair) => pair[1]);
}
