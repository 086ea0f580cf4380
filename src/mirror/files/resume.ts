/**
 * Resuming a download: what to ask for next, and what an answer means for the
 * bytes that have already come. RFC 9110 sections 13.1.5 (If-Range) and 14
 * (ranges), against servers that do both badly. Pure: the shell asks, reads
 * and counts (sequential.ts). The rule above all: bytes of two versions of a
 * file are never put together, unless a hash of the whole will tell. Where
 * none will, a part is taken only if it says itself of which version it is:
 * some servers answer a Range whatever stands in If-Range.
 */

/** What a download has so far. */
export interface Progress {
  /** Bytes from the beginning that were handed on. */
  readonly nextBytes: number;
  /** Null until an answer tells. */
  readonly totalBytes: number | null;
  /** Of the answer that the bytes are from; null before the first. */
  readonly version: Version | null;
  /** False once the server has shown that its ranges are not to be relied on. */
  readonly mayRange: boolean;
}

export interface Version {
  readonly etag: string | null;
  readonly lastModified: string | null;
  /** The one of them that is strong enough for If-Range, null for none. */
  readonly ifRange: string | null;
}

/** What is looked at of an answer. */
export interface Head {
  readonly status: number;
  header(name: string): string | null;
}

export interface Plan {
  readonly isRange: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

/** `isAnew`: everything handed on before is void. */
export type Verdict =
  | {
      readonly do: "take";
      readonly isAnew: boolean /** Position of the body's first byte. */;
      readonly fromBytes: number;
      readonly progress: Progress;
    }
  | { readonly do: "ask"; readonly isAnew: boolean; readonly progress: Progress }
  /** Everything has come. */
  | { readonly do: "finish"; readonly progress: Progress }
  | { readonly do: "fail"; readonly because: { readonly status: number } | { readonly reason: string } };

export const BEGINNING: Progress = { nextBytes: 0, totalBytes: null, version: null, mayRange: true };

/** What is there before a download begins. */
export type DownloadStart = Pick<Progress, "nextBytes" | "totalBytes">;

/** Of bytes that came so long ago that nobody knows what was said with them: only a hash of the whole can tell. */
export const UNTOLD_VERSION: Version = { etag: null, lastModified: null, ifRange: null };

/** `isVerified`: a hash of the whole is known, and will be compared. */
export function planNext(progress: Progress, isVerified: boolean): Plan {
  const ifRange = progress.version?.ifRange ?? null;
  // Without a validator only the hash can tell whether the file is still the same.
  if (progress.nextBytes === 0 || !progress.mayRange || (ifRange === null && !isVerified)) return { isRange: false, headers: {} };
  const range = `bytes=${progress.nextBytes}-`;
  return { isRange: true, headers: ifRange === null ? { range } : { range, "if-range": ifRange } };
}

export function judge(progress: Progress, plan: Plan, head: Head, isVerified: boolean): Verdict {
  switch (head.status) {
    case 200:
      return judgeWhole(progress, plan, head, isVerified);
    case 206:
      return plan.isRange
        ? judgePart(progress, head, isVerified)
        : { do: "fail", because: { reason: "a part was sent where the whole was asked for" } };
    case 416:
      return plan.isRange
        ? judgeUnsatisfiable(progress, head, isVerified)
        : { do: "fail", because: { reason: "a range was refused where none was asked for" } };
    case 304:
      return { do: "fail", because: { reason: "304 was sent where nothing was known" } };
    default:
      return { do: "fail", because: { status: head.status } };
  }
}

function judgeWhole(progress: Progress, plan: Plan, head: Head, isVerified: boolean): Verdict {
  const version = versionOf(head);
  const totalBytes = countOf(head.header("content-length"));
  if (!isSame(progress, version, totalBytes, isVerified)) {
    const beginning = { nextBytes: 0, totalBytes, version, mayRange: progress.mayRange };
    return { do: "take", isAnew: progress.version !== null, fromBytes: 0, progress: beginning };
  }
  // Whoever sends the whole instead of a part would do so every time.
  const mayRange = progress.mayRange && !plan.isRange;
  const going = { nextBytes: progress.nextBytes, totalBytes: totalBytes ?? progress.totalBytes, version, mayRange };
  return { do: "take", isAnew: false, fromBytes: 0, progress: going };
}

function judgePart(progress: Progress, head: Head, isVerified: boolean): Verdict {
  const whole: Verdict = { do: "ask", isAnew: false, progress: { ...progress, mayRange: false } };
  const range = readContentRange(head);
  if (range === null || range.firstBytes !== progress.nextBytes) return whole;
  if (isOtherVersion(progress, head, range.totalBytes))
    return { do: "ask", isAnew: true, progress: { ...BEGINNING, mayRange: progress.mayRange } };
  if (!isVerified && !isTied(progress, head)) return whole;
  return {
    do: "take",
    isAnew: false,
    fromBytes: range.firstBytes,
    progress: { ...progress, totalBytes: range.totalBytes ?? progress.totalBytes },
  };
}

function judgeUnsatisfiable(progress: Progress, head: Head, isVerified: boolean): Verdict {
  const total = countOf(/^bytes \*\/(\d+)$/i.exec(head.header("content-range")?.trim() ?? "")?.[1] ?? null);
  // Another version may end just where the one before broke off.
  const isOfUnknown = total === progress.nextBytes && !isVerified && !isTied(progress, head);
  if (total === null || isOfUnknown) return { do: "ask", isAnew: false, progress: { ...progress, mayRange: false } };
  const isWhole = total === progress.nextBytes && (progress.totalBytes === null || progress.totalBytes === total);
  if (isWhole) return { do: "finish", progress: { ...progress, totalBytes: total } };
  return { do: "ask", isAnew: true, progress: { ...BEGINNING, mayRange: progress.mayRange } };
}

/** Of a 206: first and last position, both included; null when it can't be relied on. */
export function readContentRange(
  head: Head,
): { readonly firstBytes: number; readonly lastBytes: number; readonly totalBytes: number | null } | null {
  const [, first, last, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(head.header("content-range")?.trim() ?? "") ?? [];
  if (first === undefined || last === undefined) return null;
  const range = { firstBytes: Number(first), lastBytes: Number(last), totalBytes: countOf(total ?? null) };
  const length = countOf(head.header("content-length"));
  const isSound =
    range.firstBytes <= range.lastBytes &&
    (range.totalBytes === null || range.lastBytes < range.totalBytes) &&
    (length === null || length === range.lastBytes - range.firstBytes + 1);
  return isSound ? range : null;
}

/** Does a 206 say of itself that it is of another version than the bytes before it? */
export function isOtherVersion(progress: Progress, head: Head, totalBytes: number | null): boolean {
  if (totalBytes !== null && progress.totalBytes !== null && totalBytes !== progress.totalBytes) return true;
  const etag = head.header("etag");
  const known = progress.version?.etag ?? null;
  if (etag !== null && known !== null) return opaque(etag) !== opaque(known);
  const date = head.header("last-modified");
  const knownDate = progress.version?.lastModified ?? null;
  return date !== null && knownDate !== null && date !== knownDate;
}

/** Does a part say of itself, by a strong validator, that it is of the version that the bytes before it are of? */
export function isTied(progress: Progress, head: Head): boolean {
  const strong = progress.version?.ifRange ?? null;
  return strong !== null && (head.header("etag") === strong || head.header("last-modified") === strong);
}

/** Is a whole answer byte for byte what the bytes before were the beginning of? */
function isSame(progress: Progress, version: Version, totalBytes: number | null, isVerified: boolean): boolean {
  const known = progress.version;
  if (known === null) return false;
  if (totalBytes !== null && progress.totalBytes !== null && totalBytes !== progress.totalBytes) return false;
  if (known.etag !== null && version.etag !== null) {
    return known.etag === version.etag ? isStrong(version.etag) || isVerified : false;
  }
  if (known.lastModified !== null && version.lastModified !== null && known.lastModified !== version.lastModified) return false;
  return isVerified || (known.ifRange !== null && known.ifRange === version.ifRange);
}

export function versionOf(head: Head): Version {
  const etag = head.header("etag");
  const lastModified = head.header("last-modified");
  return { etag, lastModified, ifRange: etag === null ? strongDate(lastModified, head.header("date")) : isStrong(etag) ? etag : null };
}

/** A date is a strong validator when the file had been still for a second as it was sent (RFC 9110 section 8.8.2.2). */
function strongDate(lastModified: string | null, date: string | null): string | null {
  if (lastModified === null || date === null) return null;
  return Date.parse(date) - Date.parse(lastModified) >= 1_000 ? lastModified : null;
}

function isStrong(etag: string): boolean {
  return /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(etag);
}

function opaque(etag: string): string {
  return etag.replace(/^W\//, "");
}

function countOf(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
