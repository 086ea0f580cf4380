/**
 * Image store: the images of one function. An image is made in a folder beside
 * its place and renamed when it is whole, with its manifest; whoever dies in
 * between leaves nothing that could be taken for one. Found, it is read through once
 * by each process and compared with its manifest; after that a look at sizes and
 * times has to do, because reading it again would take longer than restoring it.
 */
import { createHash } from "node:crypto";
import { createReadStream, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fail, ok, type Result } from "../../../base/result.ts";
import { beginWork, isBeingMade, sweepImages, toldWithRoom } from "./image-folder.ts";
import { type ImageManifest, MANIFEST_NAME, readManifest, type SourceFile, writeManifest } from "./image-manifest.ts";

export interface Image<Details> {
  readonly dir: string;
  readonly details: Details;
  /** Of each file, when it was read through. */
  readonly marks: readonly string[];
}

/** What has been put into the folder that was given. */
export interface Made<Details> {
  readonly details: Details;
  readonly sources: readonly SourceFile[];
}

/** Enough at a time for a disk, and not for the pool that Node reads files with. */
const STATS_AT_A_TIME = 32;

export class ImageStore<Details> {
  readonly #folder: string;

  /** In a folder of image-folder.ts. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Null where there is none. The fault is a phrase: one that was there is not what it should be, and is gone now. */
  async find(key: string): Promise<Result<Image<Details> | null, string>> {
    const dir = join(this.#folder, key);
    const text = await textOf(join(dir, MANIFEST_NAME));
    if (text === null) return this.#isThere(key) ? this.#refuse(dir, "it has no manifest") : ok(null);
    const manifest = readManifest<Details>(text);
    if (manifest === null) return this.#refuse(dir, "its manifest is torn, or of another version");
    if (manifest.key !== key) return this.#refuse(dir, "it is an image of other code or settings");
    const fault = (await tornFile(dir, manifest)) ?? (await changedSource(manifest.sources));
    if (fault !== null) return this.#refuse(dir, fault);
    return ok(this.#image(dir, manifest));
  }

  /** The fault is a phrase. `build` fills a folder, and need not clean it. */
  async make(key: string, build: (dir: string) => Promise<Result<Made<Details>, string>>): Promise<Result<Image<Details>, string>> {
    let dir = "";
    try {
      sweepImages(this.#folder, key);
      dir = beginWork(this.#folder, "making", key);
      const made = await build(dir);
      if (!made.ok) return fail(toldWithRoom(made.failure, this.#folder));
      const manifest = { key, files: await filesIn(dir), ...made.value };
      writeFileSync(join(dir, MANIFEST_NAME), writeManifest(manifest), { mode: 0o600 });
      return await this.#publish(dir, manifest);
    } catch (error) {
      return fail(toldWithRoom(`its image can't be written: ${(error as Error).message}`, this.#folder));
    } finally {
      if (dir !== "") rmSync(dir, { recursive: true, force: true });
    }
  }

  /** By this process or another. */
  isBeingMade(key: string): boolean {
    return isBeingMade(this.#folder, key);
  }

  /** False when somebody has been at it since it was read through, or it is gone. */
  isUnchanged({ dir, marks }: Image<Details>): boolean {
    try {
      return marksOf(dir).join() === marks.join();
    } catch {
      return false;
    }
  }

  drop(image: Image<Details>): void {
    rmSync(image.dir, { recursive: true, force: true });
  }

  async #publish(from: string, manifest: ImageManifest<Details>): Promise<Result<Image<Details>, string>> {
    const dir = join(this.#folder, manifest.key);
    try {
      renameSync(from, dir);
    } catch (error) {
      if (!this.#isThere(manifest.key)) throw error;
      // Another process was faster: both are of the same code.
      const found = await this.find(manifest.key);
      return !found.ok || found.value !== null ? (found as Result<Image<Details>, string>) : fail("its image is gone again");
    }
    return ok(this.#image(dir, manifest));
  }

  #image(dir: string, { details }: ImageManifest<Details>): Image<Details> {
    return { dir, details, marks: marksOf(dir) };
  }

  #isThere(key: string): boolean {
    return statSync(join(this.#folder, key), { throwIfNoEntry: false }) !== undefined;
  }

  #refuse(dir: string, why: string): Result<never, string> {
    rmSync(dir, { recursive: true, force: true });
    return fail(`its image was not used, because ${why}; another is made`);
  }
}

/** As it is now; null when it is gone. */
export async function sourceFile(path: string): Promise<SourceFile | null> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { path, bytes: size, modifiedMs: mtimeMs };
  } catch {
    return null;
  }
}

export async function sourceFiles(paths: Iterable<string>): Promise<SourceFile[]> {
  const found: SourceFile[] = [];
  const wanted = [...new Set(paths)];
  for (let at = 0; at < wanted.length; at += STATS_AT_A_TIME) {
    const some = await Promise.all(wanted.slice(at, at + STATS_AT_A_TIME).map(sourceFile));
    found.push(...some.filter((one) => one !== null));
  }
  return found;
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

async function filesIn(dir: string) {
  const names = readdirSync(dir).sort();
  return Promise.all(names.map(async (name) => ({ name, bytes: statSync(join(dir, name)).size, sha256: await sha256Of(join(dir, name)) })));
}

async function tornFile(dir: string, { files }: ImageManifest<unknown>): Promise<string | null> {
  for (const { name, bytes, sha256 } of files) {
    const file = join(dir, name);
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats === undefined) return `its file ${name} is missing`;
    if (stats.size !== bytes) return `its file ${name} has ${stats.size} bytes in place of ${bytes}`;
    if ((await sha256Of(file)) !== sha256) return `its file ${name} is not what was written`;
  }
  return null;
}

async function changedSource(sources: readonly SourceFile[]): Promise<string | null> {
  const now = new Map((await sourceFiles(sources.map(({ path }) => path))).map((source) => [source.path, source]));
  for (const { path, bytes, modifiedMs } of sources) {
    const source = now.get(path);
    if (source === undefined) return `${path}, which it was made of, is gone`;
    if (source.bytes !== bytes || source.modifiedMs !== modifiedMs) return `${path}, which it was made of, has changed`;
  }
  return null;
}

function marksOf(dir: string): string[] {
  return readdirSync(dir)
    .sort()
    .map((name) => {
      const { size, mtimeMs, ino } = statSync(join(dir, name));
      return `${name} ${ino} ${size} ${mtimeMs}`;
    });
}

async function textOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return null;
  }
}
