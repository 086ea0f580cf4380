/**
 * Tree killer: ends a process and what it started where neither a PID namespace
 * nor a control group holds them together. Those below it are stopped first, so
 * that none forks while it is looked for; those that detached themselves are
 * known by their environment, which holds the path of the instance's socket. One
 * that cleared its environment and detached itself escapes: `validate` says so.
 */
import { descendantsOf, signal, startedWith } from "./process-tree.ts";

const STOP_ROUNDS = 5;
/** Many instances that end together are looked for once: a look reads the environment of every process. */
const SEARCH_AFTER_MS = 50;

const searched = new Set<string>();

/** With the group that it leads, if it does: a signal reaches a group as one, and none of it forks any more. */
export function killTree(pid: number, mark: string): void {
  signal(-pid, "SIGSTOP");
  const tree = new Set<number>();
  for (let round = 0; round < STOP_ROUNDS; round++) {
    const fresh = [pid, ...descendantsOf(pid)].filter((one) => !tree.has(one));
    if (fresh.length === 0) break;
    for (const one of fresh) {
      tree.add(one);
      signal(one, "SIGSTOP");
    }
  }
  signal(-pid, "SIGKILL");
  for (const one of tree) signal(one, "SIGKILL");
  searchFor(mark);
}

/** What is left of a process that has ended. `mark`: "NAME=value" of its environment alone. */
export function searchFor(mark: string): void {
  if (searched.size === 0) setTimeout(search, SEARCH_AFTER_MS);
  searched.add(mark);
}

function search(): void {
  const marks = [...searched];
  searched.clear();
  for (const pid of startedWith(marks)) signal(pid, "SIGKILL");
}
