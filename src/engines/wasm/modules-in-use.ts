/**
 * Modules in use: the folders of what was built last of each function, and of
 * what it went over to since, kept young for the sweep (prepare/prepared-sweep.ts).
 * A server that runs for weeks builds nothing while `dev`, or another server on
 * the same data folder, sweeps: the age on disk is what all of them can see.
 */
import { utimes } from "node:fs/promises";
import { MINUTE_MS } from "../../base/units.ts";
import { factsFile } from "./prepare/prepared-facts.ts";

/** Well below the age that the sweep spares. */
const TOUCH_INTERVAL_MS = 15 * MINUTE_MS;

const foldersOf = new Map<string, Set<string>>();

/** What the function used before is left to the sweep. The result adds folders to these, until the function uses others. */
export async function useModules(functionKey: string, folders: readonly string[]): Promise<(more: readonly string[]) => Promise<void>> {
  if (foldersOf.size === 0) setInterval(() => void keepModulesYoung(), TOUCH_INTERVAL_MS).unref();
  const used = new Set<string>();
  foldersOf.set(functionKey, used);
  const add = (more: readonly string[]): Promise<void> => {
    for (const folder of more) used.add(folder);
    return touch(more);
  };
  await add(folders);
  return add;
}

export async function keepModulesYoung(): Promise<void> {
  for (const folders of foldersOf.values()) await touch(folders);
}

async function touch(folders: Iterable<string>): Promise<void> {
  const now = new Date();
  // Where a folder is gone, somebody emptied the data folder: it is made again for the worker that needs it.
  for (const folder of folders) await utimes(factsFile(folder), now, now).catch(() => {});
}
