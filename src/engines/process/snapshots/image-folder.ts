/**
 * Image folder: where the images of one function lie, and what may lie there
 * beside them: images that are being made, in folders that name their maker, so that
 * what a dead one left is known and swept. An image is memory: what the function
 * knew, secrets too, and whoever can write it runs code as us when it is restored. So
 * the folder is ours alone, or it is not used.
 */
import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync, type Stats, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail, ok, type Result } from "../../../base/result.ts";
import { MIB } from "../../../base/units.ts";
import { makeFolder } from "../../../store/data-folder.ts";
import { isSameProcess, startTimeOf } from "../launch/process-tree.ts";

const OWNER_ONLY = 0o700;
const WRITABLE_BY_OTHERS = 0o022;
/** Of one function: the newest. A code version that comes back (a rollback) finds its own. */
const KEPT_COUNT = 3;
/** A folder with less room than this has failed for that. */
const FULL_BELOW_BYTES = MIB;
/** In the words of whoever failed. */
const SAYS_FULL = /No space left on device|ENOSPC|Disk quota exceeded|EDQUOT/;
const WORK = /^(making|using)-([0-9a-f]+)-(\d+)-(\d*)-\d+$/;
const IMAGE = /^[0-9a-f]{32}$/;

let workCount = 0;

/** The fault is a phrase: what is wrong with the folder, and what to do. */
export function openImageFolder(root: string, kind: string, functionId: string): Result<string, string> {
  const name = encodeURIComponent(functionId).replaceAll(".", "%2E");
  try {
    const isNew = statSync(root, { throwIfNoEntry: false }) === undefined;
    makeFolder(root);
    if (isNew) chmodSync(root, OWNER_ONLY);
    const fault = faultOf(root);
    if (fault !== null) return fail(fault);
    const folder = join(root, kind, name);
    mkdirSync(folder, { recursive: true, mode: OWNER_ONLY });
    return ok(folder);
  } catch (error) {
    return fail(`its images can't be kept in ${root}: ${(error as Error).message}`);
  }
}

/** A new folder for what this process makes, or needs while it uses an image. Throws the file system's error. */
export function beginWork(folder: string, what: "making" | "using", key: string): string {
  const path = join(folder, `${what}-${key}-${process.pid}-${startTimeOf(process.pid)}-${workCount++}`);
  mkdirSync(path, { mode: OWNER_ONLY });
  return path;
}

/** By this process or another that lives. */
export function isBeingMade(folder: string, key: string): boolean {
  return readdirSync(folder).some((name) => {
    const [, what, keyOf] = WORK.exec(name) ?? [];
    return what === "making" && keyOf === key && isLiving(name);
  });
}

/** What the dead have begun, and what is older than the images that are kept; never `key`. Whoever is using one may fail, and starts plainly. */
export function sweepImages(folder: string, key: string): void {
  const images: { readonly path: string; readonly madeMs: number }[] = [];
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (WORK.test(name) && !isLiving(name)) rmSync(path, { recursive: true, force: true });
    else if (IMAGE.test(name) && name !== key) images.push({ path, madeMs: statOf(path)?.mtimeMs ?? 0 });
  }
  images.sort((one, other) => other.madeMs - one.madeMs);
  for (const { path } of images.slice(KEPT_COUNT - 1)) rmSync(path, { recursive: true, force: true });
}

/** Why making an image has failed: what its maker says, and, where that is the reason, that the folder is full. */
export function toldWithRoom(failure: string, folder: string): string {
  if (!SAYS_FULL.test(failure) && !isFull(folder)) return failure;
  return `there is no room left in ${folder}; free some, or set snapshot_dir (${failure})`;
}

function isFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < FULL_BELOW_BYTES;
  } catch {
    return false;
  }
}

function faultOf(root: string): string | null {
  const [link, stats] = [lstatSync(root), statSync(root)];
  const us = process.geteuid!();
  if (link.uid !== us || stats.uid !== us)
    return `the folder of images ${root} belongs to user ${stats.uid === us ? link.uid : stats.uid}, who could put anything in there; give a folder of your own as snapshot_dir`;
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0)
    return `the folder of images ${root} can be written by others, who could put anything in there; chmod go-w ${root}`;
  return null;
}

function isLiving(name: string): boolean {
  const [, , , pid = "", startTime = ""] = WORK.exec(name)!;
  return isSameProcess(Number(pid), startTime);
}

function statOf(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null;
}
