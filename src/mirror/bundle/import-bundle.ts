/**
 * `pilotlight mirror import`: takes a bundle into a mirror. First all of it is
 * read and every hash checked, then content is stored, each file hashed again
 * on its way, and pages come last: whatever stops an import, clients never see
 * a page without its files, nor a file under a wrong hash. What is there
 * already stays: importing twice changes nothing.
 */

import { open } from "node:fs/promises";
import { atOnce } from "../../base/at-once.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { describeBytes } from "../../base/units.ts";
import { type StoreFault, storeFault } from "../../store/store-fault.ts";
import type { MirrorFailure } from "../failures.ts";
import type { WholePage } from "../pages/pages.ts";
import type { ProjectPage } from "../simple/project-page.ts";
import { type BundleManifest, type ContentEntry, contentMember, type PageEntry, pageMember } from "./bundle-manifest.ts";
import { BundleReader } from "./bundle-reader.ts";
import type { BundleFailure, BundleTarget, OnProgress } from "./bundle-source.ts";
import { joinPages, PAGE_MAX_BYTES, parseBundledPage } from "./bundled-page.ts";
import { failureText } from "./failure-text.ts";

/** They share flushes to the disk, which is what takes the time of small ones. */
const CONTENTS_AT_ONCE = 8;

export interface ImportOptions {
  readonly file: string;
  readonly target: BundleTarget;
  readonly onProgress?: OnProgress;
}

export interface ImportReport {
  readonly projectCount: number;
  readonly fileCount: number;
  /** Content that was not there before. */
  readonly addedCount: number;
  readonly addedBytes: number;
}

export async function importBundle(options: ImportOptions): Promise<Result<ImportReport, BundleFailure>> {
  const { file } = options;
  let reader: BundleReader | null = null;
  try {
    const opened = await BundleReader.open(file);
    if (!opened.ok) return damaged(file, opened.failure);
    reader = opened.value;
    return await take(options, reader);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return failure("BUNDLE_UNREADABLE", `Cannot read the bundle ${file}: ${(error as Error).message}`, "Check the path and its rights");
  } finally {
    await reader?.close();
  }
}

async function take(options: ImportOptions, reader: BundleReader): Promise<Result<ImportReport, BundleFailure>> {
  const { file, target } = options;
  const { manifest } = reader;
  const members = distinctContents(manifest);
  const totalBytes = [...members.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  if (target.maxBytes !== null && totalBytes > target.maxBytes) {
    const message = `Cannot import ${file}: it holds ${describeBytes(totalBytes)}, and the mirror keeps ${describeBytes(target.maxBytes)}`;
    return failure("BUNDLE_TOO_LARGE", message, "Raise --cache-size");
  }
  const pages = await check(options, reader, members);
  if (!pages.ok) return pages;
  const added = await store(options, reader, members);
  if (!added.ok) return added;
  for (const page of pages.value) {
    const kept = await target.keepPage(page);
    if (!kept.ok) return storeFailed(file, kept.failure);
  }
  const fileCount = manifest.contents.filter(({ kind }) => kind === "file").length;
  return ok({ projectCount: manifest.pages.length, fileCount, ...added.value });
}

/** sha256 to size. */
function distinctContents({ contents }: BundleManifest): Map<string, number> {
  return new Map(contents.map(({ sha256, sizeBytes }) => [sha256, sizeBytes]));
}

/** Everything, before anything is taken in. The pages are those to keep: joined with what is kept now. */
async function check(
  { file, target, onProgress }: ImportOptions,
  reader: BundleReader,
  members: ReadonlyMap<string, number>,
): Promise<Result<WholePage[], BundleFailure>> {
  const { manifest } = reader;
  const totalCount = manifest.pages.length + members.size;
  let [doneCount, doneBytes] = [0, 0];
  const pages: WholePage[] = [];
  const held = heldContents(manifest);
  for (const entry of manifest.pages) {
    const page = await readPage(reader, entry);
    if (!page.ok) return damaged(file, page.failure);
    const missing = page.value.files.find((one) => !isHeld(held, page.value.name, one));
    if (missing !== undefined) return damaged(file, `its page of ${page.value.name} lists ${missing.filename}, which it doesn't hold so`);
    const kept = await target.keptPage(entry.project);
    if (!kept.ok) return storeFailed(file, kept.failure);
    const joined = kept.value === null ? ok(page.value) : joinPages(kept.value.page, page.value);
    if (!joined.ok) {
      const hint = "One of the two is not what its index published: find out which before anything is installed";
      return failure("BUNDLE_CONFLICT", `Cannot import ${file}: ${joined.failure}`, hint);
    }
    const { index, fetchedAtMs } = kept.value ?? entry;
    // One that lists all of it already stays its index's own.
    if (joined.value !== kept.value?.page) pages.push({ index, fetchedAtMs, page: joined.value });
    onProgress?.({ phase: "check", doneCount: ++doneCount, totalCount, doneBytes });
  }
  for (const [sha256, sizeBytes] of members) {
    for await (const bytes of reader.verified(contentMember(sha256), sha256))
      if (bytes === null) return damaged(file, `the content of ${sha256} has another hash`);
    doneBytes += sizeBytes;
    onProgress?.({ phase: "check", doneCount: ++doneCount, totalCount, doneBytes });
  }
  return ok(pages);
}

async function readPage(reader: BundleReader, { project, sha256, sizeBytes }: PageEntry): Promise<Result<ProjectPage, string>> {
  if (sizeBytes > PAGE_MAX_BYTES) return fail(`its page of ${project} is too large`);
  const parts: Uint8Array[] = [];
  for await (const bytes of reader.verified(pageMember(sha256), sha256)) {
    if (bytes === null) return fail(`its page of ${project} has another hash`);
    parts.push(bytes);
  }
  return parseBundledPage(project, Buffer.concat(parts).toString("utf8"));
}

/** "kind project filename" to what the bundle has under it. */
function heldContents({ contents }: BundleManifest): Map<string, ContentEntry> {
  return new Map(contents.map((entry) => [`${entry.kind} ${entry.project} ${entry.filename}`, entry]));
}

function isHeld(
  held: ReadonlyMap<string, ContentEntry>,
  project: string,
  { filename, hashes, sizeBytes, coreMetadata }: ProjectPage["files"][number],
): boolean {
  const file = held.get(`file ${project} ${filename}`);
  if (file === undefined || file.sha256 !== hashes["sha256"] || (sizeBytes ?? file.sizeBytes) !== file.sizeBytes) return false;
  return typeof coreMetadata === "boolean" || held.get(`metadata ${project} ${filename}`)?.sha256 === coreMetadata["sha256"];
}

async function store(
  { file, target, onProgress }: ImportOptions,
  reader: BundleReader,
  members: ReadonlyMap<string, number>,
): Promise<Result<Pick<ImportReport, "addedCount" | "addedBytes">, BundleFailure>> {
  let [doneCount, doneBytes, addedCount, addedBytes] = [0, 0, 0, 0];
  let failed: Result<never, BundleFailure> | null = null;
  await atOnce(CONTENTS_AT_ONCE, members, async ([sha256, sizeBytes]) => {
    if (failed !== null) return;
    const added = await storeUnlessKnown(target, reader, sha256, sizeBytes);
    if (!added.ok) {
      failed = storeFailed(file, added.failure);
      return;
    }
    // It was right a moment ago: somebody is writing to the bundle.
    if (added.value === "changed") {
      failed = damaged(file, `the content of ${sha256} changed while it was imported`);
      return;
    }
    if (added.value === "added") {
      addedCount++;
      addedBytes += sizeBytes;
    }
    doneBytes += sizeBytes;
    onProgress?.({ phase: "import", doneCount: ++doneCount, totalCount: members.size, doneBytes });
  });
  return failed ?? ok({ addedCount, addedBytes });
}

async function storeUnlessKnown(
  target: BundleTarget,
  reader: BundleReader,
  sha256: string,
  sizeBytes: number,
): Promise<Result<"known" | "added" | "changed", StoreFault>> {
  const known = await target.has(sha256);
  if (!known.ok || known.value) return known.ok ? ok("known") : known;
  const stored = await storeOne(target, reader, sha256, sizeBytes);
  return stored.ok ? ok(stored.value ? "added" : "changed") : stored;
}

/** False when its bytes are not those of the hash: nothing of them stays. */
async function storeOne(
  target: BundleTarget,
  reader: BundleReader,
  sha256: string,
  sizeBytes: number,
): Promise<Result<boolean, StoreFault>> {
  const begun = await target.begin();
  if (!begun.ok) return begun;
  const partial = begun.value;
  let isCommitted = false;
  try {
    if (!(await writePartial(partial.path, reader.verified(contentMember(sha256), sha256)))) return ok(false);
    const committed = await target.commit(partial, { sha256, sizeBytes });
    isCommitted = committed.ok;
    return committed.ok ? ok(true) : committed;
  } catch (error) {
    const fault = storeFault("Cannot store the bundle's content", error);
    if (fault === null) throw error;
    return fail(fault);
  } finally {
    if (!isCommitted) await partial.discard();
  }
}

async function writePartial(path: string, content: AsyncIterable<Uint8Array | null>): Promise<boolean> {
  const handle = await open(path, "w");
  try {
    for await (const bytes of content) {
      if (bytes === null) return false;
      await handle.writeFile(bytes);
    }
    return true;
  } finally {
    await handle.close();
  }
}

function damaged(file: string, reason: string): Result<never, BundleFailure> {
  return failure("BUNDLE_DAMAGED", `Cannot import ${file}: ${reason}`, "Nothing of it is shown to clients; copy or make the bundle again");
}

function storeFailed(file: string, fault: MirrorFailure): Result<never, BundleFailure> {
  return failure(
    "BUNDLE_STORE_FAILED",
    `Cannot import ${file}: ${failureText(fault)}`,
    "No page of it is shown before all its files are there; run it again",
  );
}

function failure(code: BundleFailure["code"], message: string, hint: string): Result<never, BundleFailure> {
  return fail({ code, message, hint, problems: [] });
}
