/**
 * The folder of packages as an index: its names at once, its pages with hashes
 * that are computed when first asked for and remembered as long as the file
 * stays as it is. Changes are noticed when somebody asks, by a look at most
 * once a second: names at that very moment, content that was written over in
 * place a moment later. A file that is still being written isn't listed, but
 * owns its name. No `.metadata` is made from wheels. Must not write here.
 */
import { realpathSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { atOnce } from "../../base/at-once.ts";
import { stampOf } from "../../base/file-stamp.ts";
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import { SECOND_MS } from "../../base/units.ts";
import type { MirrorLog } from "../log.ts";
import type { ProjectFile, ProjectPage } from "../simple/project-page.ts";
import { versionsOf } from "../simple/versions.ts";
import { FolderListing, type ListedFile } from "./folder-listing.ts";
import { folderUrl } from "./folder-url.ts";
import type { Inspection } from "./inspect-file.ts";
import { Inspector } from "./inspector.ts";
import type { Packages } from "./packages.ts";

const LOOK_EVERY_MS = SECOND_MS;
/** A look at every known file takes at most this part of the time: folders may hold many. */
const SWEEP_SHARE = 1 / 20;
const SWEEP_AT_ONCE = 32;
/** Who writes a file writes again within that time. */
const SETTLE_MS = SECOND_MS;

export interface PackagesFolderOptions {
  readonly log: MirrorLog;
  /** For tests; how often the folder is looked at. */
  readonly lookEveryMs?: number;
  /** For tests; how long a file must have been left alone. */
  readonly settleMs?: number;
}

export async function openPackagesFolder(dir: string, options: PackagesFolderOptions): Promise<Result<Packages, Failure>> {
  try {
    if (!statSync(dir).isDirectory()) return unusable(dir, "it is no folder");
    return ok(new PackagesFolder(realpathSync(dir), options));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return unusable(dir, code === "ENOENT" ? "no such folder" : code === "EACCES" ? "no permission" : message);
  }
}

function unusable(dir: string, reason: string): Result<never, Failure> {
  const hint = "Give a folder with wheels and sdists, or leave out --packages";
  return fail({ code: "PACKAGES_DIR_UNUSABLE", message: `Cannot use the folder of packages ${dir}: ${reason}`, hint });
}

/** What was found of a file, when it looked like `stamp`. */
interface Known {
  readonly stamp: string | null;
  readonly inspection: Promise<Inspection>;
}

class PackagesFolder implements Packages {
  readonly #listing: FolderListing;
  readonly #inspector = new Inspector();
  readonly #log: MirrorLog;
  readonly #lookEveryMs: number;
  readonly #settleMs: number;
  /** By path. */
  readonly #known = new Map<string, Known>();
  #revision = 1;
  #lookedAtMs: number;
  #sweepAtMs = 0;
  #isSweeping = false;
  #isClosed = false;

  constructor(dir: string, { log, lookEveryMs = LOOK_EVERY_MS, settleMs = SETTLE_MS }: PackagesFolderOptions) {
    this.#listing = new FolderListing(dir, log);
    this.#log = log;
    this.#lookEveryMs = lookEveryMs;
    this.#settleMs = settleMs;
    this.#listing.look();
    this.#lookedAtMs = performance.now();
  }

  get revision(): number {
    this.#look();
    return this.#revision;
  }

  names(): readonly string[] {
    this.#look();
    return [...this.#listing.projects.keys()].sort();
  }

  owns(project: string): boolean {
    this.#look();
    return this.#listing.projects.has(project);
  }

  async page(project: string): Promise<ProjectPage | null> {
    this.#look();
    const listed = this.#listing.projects.get(project);
    if (listed === undefined) return null;
    const files = (await Promise.all(listed.map((file) => this.#describe(file)))).filter((file) => file !== null);
    return {
      name: project,
      files,
      versions: versionsOf(files, project),
      status: null,
      tracks: [],
      alternateLocations: [],
      lastSerial: null,
    };
  }

  close(): void {
    this.#isClosed = true;
    void this.#inspector.close();
  }

  /** Null for a file that can't be handed out yet, or any more. */
  async #describe(file: ListedFile): Promise<ProjectFile | null> {
    const inspection = await this.#inspect(file);
    if (!inspection.ok) return null;
    const { stamp, sha256, sizeBytes, modifiedMs, requiresPython } = inspection.value;
    return {
      filename: file.filename,
      url: folderUrl({ path: file.path, stamp }),
      hashes: { sha256 },
      requiresPython,
      sizeBytes,
      uploadTime: new Date(modifiedMs).toISOString(),
      yanked: false,
      coreMetadata: false,
      gpgSignature: false,
      provenance: null,
    };
  }

  async #inspect(file: ListedFile): Promise<Inspection> {
    const stamp = await stampAt(file.path);
    const known = this.#known.get(file.path);
    if (known !== undefined && known.stamp === stamp) return known.inspection;
    if (known !== undefined) this.#revision++;
    const anew: Known = { stamp, inspection: this.#inspectAnew(file, stamp) };
    this.#known.set(file.path, anew);
    const inspection = await anew.inspection;
    // It never came to a look at the file (no descriptor left, a lost thread): that says nothing of the file.
    const isUnseen = !inspection.ok && inspection.failure.stamp === null;
    if (isUnseen && stamp !== null && this.#known.get(file.path) === anew) this.#known.delete(file.path);
    return inspection;
  }

  async #inspectAnew(file: ListedFile, stamp: string | null): Promise<Inspection> {
    const isStill = stamp !== null && (await this.#isLeftAlone(file.path, stamp));
    const inspection = isStill
      ? await this.#inspector.inspect(file.path, file.isZip)
      : fail({ stamp, reason: stamp === null ? "it is gone" : "it is still being written" });
    if (!inspection.ok && !this.#isClosed) this.#log("warn", `${file.path} is not listed: ${inspection.failure.reason}`);
    // Other than it was when it was asked for: nobody may take the one for the other.
    if (inspection.ok && inspection.value.stamp !== stamp) return fail({ stamp, reason: "it changed while it was read" });
    return inspection;
  }

  /** Waits until a file that was written just now has had its time to be written again. */
  async #isLeftAlone(path: string, stamp: string): Promise<boolean> {
    const modifiedMs = (await stat(path).catch(() => null))?.mtimeMs ?? 0;
    const ageMs = Date.now() - modifiedMs;
    // A time in the future was set by a tool, not by a write just now.
    if (ageMs < 0 || ageMs >= this.#settleMs) return true;
    await delay(this.#settleMs - ageMs, undefined, { ref: false });
    return (await stampAt(path)) === stamp;
  }

  /** Whatever is asked of the folder, this comes first. */
  #look(): void {
    const nowMs = performance.now();
    if (this.#isClosed || nowMs - this.#lookedAtMs < this.#lookEveryMs) return;
    if (this.#listing.look()) this.#revision++;
    this.#lookedAtMs = performance.now();
    if (!this.#isSweeping && nowMs >= this.#sweepAtMs) void this.#sweep();
  }

  /** Files that were written over in place, or have been written to their end. Never rejects. */
  async #sweep(): Promise<void> {
    this.#isSweeping = true;
    const startMs = performance.now();
    await atOnce(SWEEP_AT_ONCE, [...this.#known.keys()], (path) => this.#check(path));
    this.#isSweeping = false;
    this.#sweepAtMs = performance.now() + (performance.now() - startMs) / SWEEP_SHARE;
  }

  async #check(path: string): Promise<void> {
    if (this.#isClosed) return;
    const known = this.#known.get(path);
    const stamp = await stampAt(path);
    if (known === undefined || stamp === known.stamp || this.#known.get(path) !== known) return;
    this.#known.delete(path);
    this.#revision++;
  }
}

async function stampAt(path: string): Promise<string | null> {
  try {
    return stampOf(await stat(path));
  } catch {
    return null;
  }
}
