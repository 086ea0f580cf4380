/**
 * Find indexes: those that are named; where none is, the one of this machine.
 * The only step of the configuration that may look at more than it was handed:
 * at netrc, and through the caller's `discover` at pip and uv.
 */
import type { Failure } from "../../base/result.ts";
import type { IndexConfig } from "../mirror-config.ts";
import type { Env } from "../variables.ts";
import type { DiscoverIndex } from "./discovered.ts";
import { extraVariableNotices } from "./extra-indexes.ts";
import { discoveredIndex, loneCredentials, type MirrorValues, namedIndexes, withNames } from "./indexes.ts";
import { withNetrc } from "./netrc-credentials.ts";
import { type SettledMirror, selfFailure } from "./settle.ts";
import type { IndexEntry } from "./structures.ts";
import type { Notice } from "./variables.ts";

export interface FoundIndexes {
  readonly indexes: readonly IndexConfig[];
  /** Of the first; null when there is none. */
  readonly from: string | null;
  readonly caFile: string | null;
}

interface Around {
  readonly line: { readonly env: Env; readonly discover: DiscoverIndex };
  /** Both are added to. */
  readonly failures: Failure[];
  readonly notices: Notice[];
}

/** Null when they can't be known; a failure says why then. */
export async function findIndexes(
  given: MirrorValues,
  entries: readonly IndexEntry[],
  settled: SettledMirror,
  { line, failures, notices }: Around,
): Promise<FoundIndexes | null> {
  const named = namedIndexes(given, entries, line.env);
  failures.push(...named.failures);
  notices.push(...loneCredentials(given).map(loneNotice));
  if (given.value("no_index", false)) {
    if (settled.packagesDir !== null) return { indexes: [], from: null, caFile: null };
    failures.push({
      code: "MIRROR_WITHOUT_INDEX",
      message: "With --no-index there is nothing to mirror",
      hint: "Give --packages a folder",
    });
    return null;
  }
  // What is wrong is told at once, before a pip is started.
  const isBroken = failures.length + given.failures.length > 0;
  if (named.first === null && isBroken) return null;
  const found = named.first === null ? await line.discover(line.env) : null;
  if (found !== null && "unusable" in found) {
    failures.push(noIndex(found.unusable));
    return null;
  }
  const mayLack = settled.packagesDir !== null || settled.upstream.offline || named.extra.length > 0;
  if (named.first === null && found === null && !mayLack) {
    failures.push(noIndex("No index to mirror is named, and neither pip nor uv on this machine knows one"));
    return null;
  }
  if (found !== null) notices.push(...found.notices);
  // Whoever names some has decided.
  const namesFurther = named.extra.length > 0 || (named.first?.length ?? 0) > 1;
  if (!namesFurther) notices.push(...extraVariableNotices(line.env));
  const first = named.first ?? (found === null ? [] : [discoveredIndex(given, found.address)]);
  const { indexes, notices: credentialNotices } = withNetrc(withNames([...first, ...named.extra], failures), line.env);
  notices.push(...credentialNotices);
  const from = found?.from ?? given.entry("index_url")?.origin ?? entries[0]?.origin ?? given.entry("extra_index_urls")?.origin ?? null;
  for (const [place, index] of indexes.entries()) {
    const failure = selfFailure(index, place === 0 && from !== null ? from : index.name, settled);
    if (failure !== null) failures.push(failure);
  }
  return { indexes, from, caFile: found?.caFile ?? null };
}

function noIndex(message: string): Failure {
  return { code: "MIRROR_WITHOUT_INDEX", message, hint: "Give --index-url the address of one" };
}

function loneNotice(origin: string): Notice {
  const message = `${origin} has no effect: it belongs to index_url, and none is given`;
  return { code: "MIRROR_SETTING_WITHOUT_EFFECT", message, hint: "Credentials are sent only to an index that is named" };
}
