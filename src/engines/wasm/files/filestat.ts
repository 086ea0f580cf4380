/**
 * Filestat: what the file system knows of a file as WASI lays it out, and how
 * its times are set. Node hands times to the system as floating-point seconds,
 * which today are 238 ns apart; the exact ones that a guest has set are
 * remembered and told again for as long as the file has what came of them.
 */
import type { BigIntStats } from "node:fs";
import { ERRNO, FILESTAT_BYTES, FILETYPE, FSTFLAGS } from "../../../../guest/wasi/abi.ts";
import { RecentMap } from "../../../base/recent-map.ts";
import { Refused } from "./errno.ts";

/** Files whose times are remembered; the oldest is forgotten first. */
const REMEMBERED_MAX = 1_000;
const NS_PER_S = 1_000_000_000n;

interface SetTime {
  readonly exactNs: bigint;
  readonly storedNs: bigint;
}

export class Filestats {
  readonly #set = new RecentMap<string, { atime: SetTime | null; mtime: SetTime | null }>({ countMax: REMEMBERED_MAX });

  write(into: Uint8Array, stats: BigIntStats): void {
    const view = new DataView(into.buffer, into.byteOffset, FILESTAT_BYTES);
    const times = this.#set.size === 0 ? undefined : this.#set.peek(keyOf(stats));
    view.setBigUint64(0, stats.dev, true);
    view.setBigUint64(8, stats.ino, true);
    view.setBigUint64(16, BigInt(filetypeOf(stats)), true);
    view.setBigUint64(24, stats.nlink, true);
    view.setBigUint64(32, stats.size, true);
    view.setBigUint64(40, told(stats.atimeNs, times?.atime), true);
    view.setBigUint64(48, told(stats.mtimeNs, times?.mtime), true);
    view.setBigUint64(56, stats.ctimeNs, true);
  }

  /** `set` is given what utimes takes for both; `stat` says what came of it. */
  setTimes(
    flags: number,
    atimNs: bigint,
    mtimNs: bigint,
    set: (atime: TimeArgument, mtime: TimeArgument) => void,
    stat: () => BigIntStats,
  ): void {
    const setsAtime = (flags & FSTFLAGS.atim) !== 0;
    const setsMtime = (flags & FSTFLAGS.mtim) !== 0;
    const isBoth = (one: number, other: number): boolean => (flags & one) !== 0 && (flags & other) !== 0;
    if (isBoth(FSTFLAGS.atim, FSTFLAGS.atimNow) || isBoth(FSTFLAGS.mtim, FSTFLAGS.mtimNow)) throw new Refused(ERRNO.inval);
    set(
      timeArgument(setsAtime, (flags & FSTFLAGS.atimNow) !== 0, atimNs),
      timeArgument(setsMtime, (flags & FSTFLAGS.mtimNow) !== 0, mtimNs),
    );
    if (!setsAtime && !setsMtime) return;
    const stats = stat();
    const before = this.#set.get(keyOf(stats));
    this.#set.set(keyOf(stats), {
      atime: setsAtime ? { exactNs: atimNs, storedNs: stats.atimeNs } : (before?.atime ?? null),
      mtime: setsMtime ? { exactNs: mtimNs, storedNs: stats.mtimeNs } : (before?.mtime ?? null),
    });
  }
}

export type TimeArgument = number | string | Date;

/** The two that Node passes on to the system as UTIME_OMIT and UTIME_NOW. */
const UNCHANGED = new Date(Number.NaN);
const NOW = "Infinity";

function timeArgument(isSet: boolean, isNow: boolean, ns: bigint): TimeArgument {
  if (isNow) return NOW;
  if (!isSet) return UNCHANGED;
  // Half a nanosecond more: what becomes of the fraction is cut, not rounded.
  return Number(ns / NS_PER_S) + (Number(ns % NS_PER_S) + 0.5) / Number(NS_PER_S);
}

export function filetypeOf(stats: { readonly mode: bigint }): number {
  switch (Number(stats.mode) & S_IFMT) {
    case S_IFDIR:
      return FILETYPE.directory;
    case S_IFREG:
      return FILETYPE.regularFile;
    case S_IFLNK:
      return FILETYPE.symbolicLink;
    case S_IFCHR:
      return FILETYPE.characterDevice;
    case S_IFBLK:
      return FILETYPE.blockDevice;
    case S_IFSOCK:
      return FILETYPE.socketStream;
    default:
      return FILETYPE.unknown;
  }
}

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;
const S_IFSOCK = 0o140000;

function told(storedNs: bigint, set: SetTime | null | undefined): bigint {
  return set?.storedNs === storedNs ? set.exactNs : storedNs;
}

function keyOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}
