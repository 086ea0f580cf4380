/**
 * Record folder: made, and proved usable, before a worker is given the right to
 * write there: Node's permission model resolves what exists.
 */
import { accessSync, constants } from "node:fs";
import type { Failure } from "../base/result.ts";
import { makeFolder } from "./data-folder.ts";

/** Null when recordings can be kept there, or none are asked for. */
export function prepareRecordFolder(recordDir: string | null): Failure | null {
  if (recordDir === null) return null;
  try {
    makeFolder(recordDir);
    accessSync(recordDir, constants.W_OK);
    return null;
  } catch (error) {
    return {
      code: "RECORD_DIR_UNUSABLE",
      message: `Cannot keep recordings in ${recordDir}: ${(error as Error).message}`,
      hint: "Make it a folder that can be written to, or give another with --record DIR",
    };
  }
}
