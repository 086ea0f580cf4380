/** Launcher parts: what the launchers that make instances of images have in common. */
import { join } from "node:path";
import { ok, type Result } from "../../../base/result.ts";
import type { ProcessSettings } from "../../../config/process-settings.ts";
import type { LaunchOrder } from "../launch/launched.ts";
import type { ProcessLog } from "../launch/output-reader.ts";
import type { LaunchSubject } from "../launch/plain-launcher.ts";
import { openImageFolder } from "./image-folder.ts";
import { ImageStore } from "./image-store.ts";

const ONE_SHOT = "a one-shot call has its own input and environment, which an image can't have";
const UNKNOWN_WAY = "its first start has to tell how it is called; with call: ring, frames or http it would not";

/** Why an instance that is ordered so can't be made of an image; null when it can. */
export function lackOf({ ownsStdio, moreEnv }: LaunchOrder, { call }: ProcessSettings): string | null {
  if (!ownsStdio && Object.keys(moreEnv).length === 0) return null;
  return call === "auto" ? UNKNOWN_WAY : ONE_SHOT;
}

export const QUIET: ProcessLog = { line() {}, note() {} };

/** The fault is a phrase. */
export function openStore<Details>(
  kind: "criu" | "node",
  { functionId, settings, dataDir }: LaunchSubject,
): Result<ImageStore<Details>, string> {
  const folder = openImageFolder(settings.snapshotDir ?? join(dataDir, "snapshots"), kind, functionId);
  return folder.ok ? ok(new ImageStore<Details>(folder.value)) : folder;
}
