/**
 * Scratch folder: a place for what one command keeps, below the system's folder
 * for temporary files. It is gone when the command is, also when that was
 * interrupted; only a process that is killed leaves it behind.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, ok, type Result } from "../base/result.ts";
import { storageFailure } from "../store/data-folder.ts";

export interface ScratchFolder {
  readonly path: string;
  remove(): void;
}

const WORDS = {
  code: "TEMPORARY_DIR_UNUSABLE",
  name: "folder for temporary files",
  alternative: "TMPDIR, or a data folder with --data-dir DIR",
};

export function makeScratchFolder(): Result<ScratchFolder> {
  let path: string;
  try {
    path = mkdtempSync(join(tmpdir(), "pilotlight-"));
  } catch (error) {
    const failure = storageFailure(tmpdir(), error, WORDS);
    if (failure === null) throw error;
    return fail(failure);
  }
  const remove = (): void => {
    process.off("exit", remove);
    try {
      rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    } catch {
      // A file in use, on some systems: what is left there is nobody's failure.
    }
  };
  process.once("exit", remove);
  return ok({ path, remove });
}
