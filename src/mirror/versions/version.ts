/**
 * Version: a PEP 440 version taken apart once, and the order of two. The
 * grammar is @renovatebot/pep440's; the order is here, on the parsed form,
 * because the package parses both sides again for every comparison, takes a
 * local segment like "1e5" for a number, and loses digits above 2^53: two
 * versions that differ only there would be one to a rule that denies one.
 */
import { parse } from "@renovatebot/pep440";

/** Hostile names are longer; the longest on a public index has about 60 characters. */
const LENGTH_MAX = 256;

export interface Version {
  /** As it was written, without blanks around it. */
  readonly text: string;
  readonly epoch: number;
  /** With its zeros at the end: a prefix needs them. */
  readonly release: readonly number[];
  readonly pre: readonly [letter: "a" | "b" | "rc", number: number] | null;
  readonly post: number | null;
  readonly dev: number | null;
  /** Numbers are digits without leading zeros, of any length. */
  readonly local: readonly (bigint | string)[] | null;
  /** Development releases are, too. */
  readonly isPrerelease: boolean;
}

/** Null for what is no PEP 440 version, and for one with numbers that can't be told apart. */
export function parseVersion(text: string): Version | null {
  if (text.length > LENGTH_MAX) return null;
  const trimmed = text.trim();
  const [publicText, localText] = splitLocal(trimmed);
  // The package's types are those of `explain`; `parse` gives letter and number in pairs.
  const parsed = parse(publicText) as unknown as LibraryVersion | null;
  if (parsed === null || (localText !== null && !LOCAL.test(localText))) return null;
  const { epoch, release, pre, post, dev } = parsed;
  const numbers = [epoch, ...release, pre?.[1] ?? 0, post?.[1] ?? 0, dev?.[1] ?? 0];
  if (!numbers.every(Number.isSafeInteger)) return null;
  return {
    text: trimmed,
    epoch,
    release,
    pre: pre as Version["pre"],
    post: post === null ? null : post[1],
    dev: dev === null ? null : dev[1],
    local: localText === null ? null : localText.toLowerCase().split(/[-_.]/).map(localSegment),
    isPrerelease: pre !== null || dev !== null,
  };
}

interface LibraryVersion {
  readonly epoch: number;
  readonly release: readonly number[];
  readonly pre: readonly [string, number] | null;
  readonly post: readonly [string, number] | null;
  readonly dev: readonly [string, number] | null;
}

const LOCAL = /^[a-z0-9]+(?:[-_.][a-z0-9]+)*$/i;

function splitLocal(text: string): [string, string | null] {
  const plus = text.indexOf("+");
  return plus === -1 ? [text, null] : [text.slice(0, plus), text.slice(plus + 1)];
}

function localSegment(segment: string): bigint | string {
  return /^[0-9]+$/.test(segment) ? BigInt(segment) : segment;
}

/** Below zero when `one` comes before `other`. Texts that mean the same are equal: "1.0" and "v1". */
export function compareVersions(one: Version, other: Version): number {
  return comparePublic(one, other) || compareLocal(one.local, other.local);
}

/** Without the local part: what a specifier that has none compares. */
export function comparePublic(one: Version, other: Version): number {
  return (
    one.epoch - other.epoch ||
    compareReleases(one.release, other.release) ||
    comparePre(one, other) ||
    (one.post ?? -1) - (other.post ?? -1) ||
    (one.dev ?? Number.MAX_VALUE) - (other.dev ?? Number.MAX_VALUE)
  );
}

/** Zeros at the end don't count. */
export function compareReleases(one: readonly number[], other: readonly number[]): number {
  const length = Math.max(one.length, other.length);
  for (let place = 0; place < length; place++) {
    const difference = (one[place] ?? 0) - (other[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function comparePre(one: Version, other: Version): number {
  const stages = preStage(one) - preStage(other);
  return stages !== 0 ? stages : (one.pre?.[1] ?? 0) - (other.pre?.[1] ?? 0);
}

/** 1.0.dev1 < 1.0a1 < 1.0b1 < 1.0rc1 < 1.0, and 1.0.post1.dev1 is no pre-release of 1.0. */
function preStage({ pre, post, dev }: Version): number {
  if (pre !== null) return { a: 1, b: 2, rc: 3 }[pre[0]];
  return post === null && dev !== null ? 0 : 4;
}

/** None before some; words before numbers; the shorter first where one begins the other. */
function compareLocal(one: Version["local"], other: Version["local"]): number {
  if (one === null || other === null) return Number(one !== null) - Number(other !== null);
  for (let place = 0; place < Math.min(one.length, other.length); place++) {
    const [left, right] = [one[place]!, other[place]!];
    if (typeof left !== typeof right) return typeof left === "string" ? -1 : 1;
    if (left !== right) return left < right ? -1 : 1;
  }
  return one.length - other.length;
}
