/**
 * Folder owner: one mirror to a cache folder. Two would count each other's
 * files as nobody's. The lock is SQLite's own on a file that is held open, a
 * lock of the operating system: it vanishes with its process however that dies,
 * and needs no name or age to be judged. Two stores of one process exclude each
 * other, too, because SQLite keeps account of that itself.
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import { primaryCode, SQLITE } from "../sqlite-codes.ts";
import { faultOf } from "./content-fault.ts";

export const IN_USE = "CACHE_IN_USE";

export interface FolderOwner {
  release(): void;
}

export function ownFolder(dir: string): Result<FolderOwner, Failure> {
  const file = join(dir, "owner.sqlite");
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    // Nothing is ever written: the lock is all there is to it.
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    if (primaryCode(error) === SQLITE.busy) return fail(inUse(dir));
    return fail({ code: "CACHE_DIR_UNUSABLE", message: faultOf(`Cannot lock ${file}`, error).message });
  }
  const held = database;
  return ok({ release: () => held.close() });
}

function inUse(dir: string): Failure {
  return {
    code: IN_USE,
    message: `Cannot use the cache folder ${dir}: another mirror is using it`,
    hint: "Stop that one, or give this one a folder of its own with --cache-dir DIR or PILOTLIGHT_CACHE_DIR",
  };
}
