/**
 * Keeper: who has the processes that serve a pool's calls. Three kinds: instances
 * that are kept (instance-pool.ts), one process for each call (one-shot-runs.ts),
 * and the first start of a program of which it is not known yet how it wants to be
 * called (first-start.ts). The call book is the pool's, whichever keeper it has.
 */
import { fail, type Result } from "../../../base/result.ts";
import type { CallFailure } from "../../engine.ts";
import type { Hello, LaunchedProcess, Launcher, LaunchFailure, LaunchOrder } from "../launch/launched.ts";
import type { Link, LinkWay } from "../links/link.ts";
import type { StateRecord } from "./instance-state.ts";
import type { PoolParts } from "./pool-parts.ts";
import type { PooledCall } from "./pooled-call.ts";

export interface Keeper {
  /** Gives the call to a process at once; false where none is free. */
  tryTake(pooled: PooledCall): boolean;
  /** A call has lined up. */
  serveWaiting(): void;
  /** Resolves when an instance is ready, or with why none is. */
  warmUp(): Promise<CallFailure | null>;
  /** No new calls come: what is idle goes, what the calls in the book need stays. */
  retire(): void;
  /** The book is empty: everything goes, each as it should. */
  stop(): void;
  /** Everything goes now. */
  kill(why: string): void;
  /** Of each process there is. */
  states(): Iterable<StateRecord>;
  readonly busyCount: number;
  memoryBytes(): number;
  /** Told to go, and no process is left. */
  onEmptied: (() => void) | null;
}

/** A launcher that throws has failed to launch. */
export async function launchWith(launcher: Launcher, order: LaunchOrder): Promise<Result<LaunchedProcess, LaunchFailure>> {
  try {
    return await launcher.launch(order);
  } catch (error) {
    return fail({ code: "SPAWN_FAILED", message: `The process could not be started: ${(error as Error).message}` });
  }
}

/** A way that was decided, by the settings or by the first start, is the only one. */
export async function linkTo(
  { functionId, links }: PoolParts,
  way: LinkWay,
  process: LaunchedProcess,
  hello: Hello,
): Promise<Result<Link, LaunchFailure>> {
  if (hello.way !== way) {
    return fail({ code: "BAD_READY", message: `${functionId} wants to be called by ${hello.way}, but is called by ${way}` });
  }
  try {
    return await links.open(process, hello);
  } catch (error) {
    return fail({ code: "BAD_READY", message: `${functionId} can't be called by ${way}: ${(error as Error).message}` });
  }
}

export function loadFailed(message: string): CallFailure {
  return { code: "LOAD_FAILED", message };
}
