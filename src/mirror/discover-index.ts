/**
 * Discover the index: what this machine's pip and uv install from, for a
 * mirror that is told nothing. Variables first, then uv's settings files, then
 * pip, which is asked: it knows its own files and what is built in, so no
 * address of an index stands in this code. Never rejects; every step is
 * bounded in time and size.
 * Further indexes are not taken over (config/mirror/extra-indexes.ts).
 */
import type { DiscoveredIndex, DiscoverIndex } from "../config/mirror/discovered.ts";
import { parseIndexAddress } from "../config/mirror/index-address.ts";
import type { Env } from "../config/variables.ts";
import { askPip } from "./discover-pip.ts";
import { readUv, uvIndex } from "./discover-uv.ts";
import type { FoundAddress } from "./found-address.ts";

export const discoverIndex: DiscoverIndex = async (env) => {
  const found = fromVariables(env) ?? (await readUv(env)) ?? (await askPip(env));
  return found === null ? null : usable(found);
};

function fromVariables(env: Env): FoundAddress | null {
  const pip = env["PIP_INDEX_URL"];
  if (pip) return { text: pip, from: "PIP_INDEX_URL" };
  const uv = env["UV_DEFAULT_INDEX"];
  if (uv) return { text: uvIndex(uv, env), from: "UV_DEFAULT_INDEX" };
  const old = env["UV_INDEX_URL"];
  return old ? { text: old, from: "UV_INDEX_URL" } : null;
}

function usable({ text, from, caFile = null, notices = [] }: FoundAddress): DiscoveredIndex | { readonly unusable: string } {
  const address = parseIndexAddress(text);
  // The text may hold a password, in a place that no parser finds: it is not shown.
  if (!address.ok) return { unusable: `No index to mirror is named, and what ${from} says ${address.failure}` };
  return { address: address.value, from, caFile, notices };
}
