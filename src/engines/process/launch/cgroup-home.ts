/**
 * Cgroup home: where this process may make control groups (version 2) for
 * functions. A group with processes of its own can't have limited groups below
 * it, so either our own group is ours alone and we step down into a leaf of it
 * (a systemd unit with Delegate=yes, a container), or a sibling of it will do (a
 * user's session). Hosts of version 1, and hybrid ones whose version 2 has no
 * controllers, have none. The rules are the kernel's (cgroup-v2.rst, "No Internal
 * Process Constraint", "Delegation").
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import type { CgroupController, CgroupHome } from "./machine-facts.ts";
import { descendantsOf } from "./process-tree.ts";

const WANTED: readonly CgroupController[] = ["memory", "pids", "cpu"];
/** Our own processes go there, where our own group has to be empty. */
const LEAF = "pilotlight-server";
/** Processes that are forked while others are moved. */
const MOVE_ROUNDS = 5;

export interface CgroupPlace {
  /** Where the hierarchy is mounted. */
  readonly mountDir: string;
  /** Our own group. */
  readonly ownDir: string;
}

export interface FoundHome {
  readonly home: CgroupHome | null;
  /** Why there is none, or what it lacks. */
  readonly lack: string | null;
}

export interface HomeSearch {
  /** Our own group is ours alone if it holds nothing but this process and what it started. */
  readonly serverPid: number;
  /** False finds what could be had, and moves nothing. */
  readonly mayMove: boolean;
}

export function findCgroupHome(search: HomeSearch): FoundHome {
  const place = placeIn(read("/proc/self/mountinfo"), read("/proc/self/cgroup"));
  if (place === null) return { home: null, lack: "no control groups of version 2 are mounted" };
  return homeAt(place, search);
}

/** Pure: from /proc/self/mountinfo and /proc/self/cgroup. */
export function placeIn(mountInfo: string, ownGroups: string): CgroupPlace | null {
  const ownPath = /^0::(\/.*)$/m.exec(ownGroups)?.[1];
  if (ownPath === undefined) return null;
  for (const line of mountInfo.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    if (!after.startsWith("cgroup2 ")) continue;
    const [, , , root = "/", mountDir = ""] = before.split(" ");
    const below = relative(root, ownPath);
    // In a container the mount may show another part of the tree than the one we are in: then ours is its top.
    return { mountDir, ownDir: below.startsWith("..") ? mountDir : join(mountDir, below) };
  }
  return null;
}

/** Tries the places in turn; changes nothing where it finds none. */
export function homeAt({ mountDir, ownDir: dir }: CgroupPlace, { serverPid, mayMove }: HomeSearch): FoundHome {
  // Another of our processes may have stepped down for all of us.
  const ownDir = basename(dir) === LEAF ? dirname(dir) : dir;
  const offered = wordsIn(join(ownDir, "cgroup.controllers"));
  if (!WANTED.some((controller) => offered.includes(controller)))
    return { home: null, lack: "control groups of version 2 have no controllers here: version 1 holds them" };
  const isTop = !exists(join(ownDir, "cgroup.type"));
  const candidates = [
    ...(isTop || isOursAlone(ownDir, serverPid) ? [{ dir: ownDir, mayEnable: true, mustLeave: !isTop }] : []),
    ...(ownDir === mountDir ? [] : [{ dir: dirname(ownDir), mayEnable: false, mustLeave: false }]),
  ];
  for (const candidate of candidates) {
    if (!isWritable(candidate.dir)) continue;
    if (mayMove && candidate.mustLeave && !stepDown(candidate.dir)) continue;
    if (mayMove && candidate.mayEnable) enable(candidate.dir);
    const given = !mayMove && candidate.mayEnable ? offered : wordsIn(join(candidate.dir, "cgroup.subtree_control"));
    const controllers = WANTED.filter((controller) => given.includes(controller));
    const missing = WANTED.filter((controller) => !controllers.includes(controller));
    if (controllers.length > 0) {
      const lack = missing.length === 0 ? null : `its control group has no controller for ${missing.join(" and ")}`;
      return { home: { dir: candidate.dir, controllers }, lack };
    }
  }
  return { home: null, lack: `no control group may be made in ${ownDir} or beside it` };
}

/** Other people's processes are not ours to move. */
function isOursAlone(dir: string, serverPid: number): boolean {
  const ours = new Set([process.pid, serverPid, ...descendantsOf(serverPid)]);
  return pidsIn(dir).every((pid) => ours.has(pid));
}

function stepDown(dir: string): boolean {
  const leaf = join(dir, LEAF);
  try {
    mkdirSync(leaf);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") return false;
  }
  for (let round = 0; round < MOVE_ROUNDS; round++) {
    const pids = pidsIn(dir);
    if (pids.length === 0) return true;
    for (const pid of pids) write(join(leaf, "cgroup.procs"), String(pid));
  }
  return pidsIn(dir).length === 0;
}

/** One by one: a controller that can't be had must not keep the others away. */
function enable(dir: string): void {
  const already = wordsIn(join(dir, "cgroup.subtree_control"));
  for (const controller of WANTED) if (!already.includes(controller)) write(join(dir, "cgroup.subtree_control"), `+${controller}`);
}

/** Tried, as permissions alone don't show a read-only mount. */
function isWritable(dir: string): boolean {
  const probe = join(dir, `pilotlight-probe-${process.pid}`);
  try {
    mkdirSync(probe);
    rmdirSync(probe);
    return true;
  } catch {
    return false;
  }
}

function pidsIn(dir: string): number[] {
  return read(join(dir, "cgroup.procs"))
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}

function wordsIn(file: string): string[] {
  return read(file).trim().split(/\s+/);
}

function exists(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

function write(file: string, value: string): boolean {
  try {
    writeFileSync(file, value);
    return true;
  } catch {
    return false;
  }
}
