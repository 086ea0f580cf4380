/**
 * File plan: which bytes of a file with a strong tag answer a request, and with
 * which status. Pure; rules of RFC 9110 sections 13.2.2 and 14.2: a condition
 * is looked at before a range, and a range only applies to GET.
 */
import { parseRange } from "../../http/byte-range.ts";
import { matchesIfRange, matchesNoneMatch } from "../../http/entity-tag.ts";

export interface FileConditions {
  readonly method: string;
  readonly noneMatch: string | undefined;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

export type FilePlan =
  | { readonly do: "not-modified" }
  | { readonly do: "unsatisfiable" }
  | { readonly do: "send"; readonly status: 200 | 206; readonly start: number /** Not among them. */; readonly end: number };

/** `etag` is null where the content is not known well enough to have one. */
export function planFile({ method, noneMatch, range, ifRange }: FileConditions, etag: string | null, sizeBytes: number): FilePlan {
  if (etag !== null && noneMatch !== undefined && matchesNoneMatch(noneMatch, etag)) return { do: "not-modified" };
  const whole: FilePlan = { do: "send", status: 200, start: 0, end: sizeBytes };
  if (range === undefined || method !== "GET") return whole;
  if (ifRange !== undefined && (etag === null || !matchesIfRange(ifRange, etag))) return whole;
  const parsed = parseRange(range, sizeBytes);
  if (parsed === null) return whole;
  if (parsed === "unsatisfiable") return { do: "unsatisfiable" };
  return { do: "send", status: 206, start: parsed.start, end: parsed.end + 1 };
}
