/**
 * `pilotlight mirror bundle`: everything an install of a lock file needs, in one
 * file. First every project's page is got and every file fetched and verified,
 * then the bundle is written from the store; if anything is missing there is no
 * bundle, and all that is missing is told at once.
 */
import { atOnce } from "../../base/at-once.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { sha256 } from "../../base/sha256.ts";
import type { MirrorFailure } from "../failures.ts";
import type { LockFile, Requirement } from "../lockfile/lock-file.ts";
import type { WholePage } from "../pages/pages.ts";
import {
  type BundleManifest,
  type ContentEntry,
  contentMember,
  ENTRIES_MAX,
  MANIFEST_MAX_BYTES,
  MANIFEST_NAME,
  manifestText,
  PAGES_MAX_BYTES,
  type PageEntry,
  pageMember,
} from "./bundle-manifest.ts";
import type { BundledKind, BundleFailure, BundleSource, OnProgress, OpenedContent } from "./bundle-source.ts";
import { BundleWriter } from "./bundle-writer.ts";
import { type BundledFile, trimPage } from "./bundled-page.ts";
import { failureText } from "./failure-text.ts";
import { type SelectedFile, selectFiles } from "./select-files.ts";
import { MEMBER_MAX_BYTES } from "./tar-format.ts";

const PAGES_AT_ONCE = 8;
const FILES_AT_ONCE = 8;

export interface ExportOptions {
  readonly lock: LockFile;
  readonly source: BundleSource;
  /** Takes the place of what is there. */
  readonly outFile: string;
  readonly createdMs: number;
  readonly onProgress?: OnProgress;
}

export interface ExportReport {
  readonly projectCount: number;
  readonly fileCount: number;
  /** Of their content, each counted once. */
  readonly sizeBytes: number;
  readonly warnings: readonly string[];
}

/** A project with what the lock wants of it, and what its files turned out to be. */
interface Gathered {
  readonly sourced: WholePage;
  readonly selected: readonly SelectedFile[];
  readonly bundled: Map<string, BundledFile>;
}

export async function exportBundle(options: ExportOptions): Promise<Result<ExportReport, BundleFailure>> {
  const problems: string[] = [];
  const warnings: string[] = [...options.lock.notes];
  const projects = await gatherPages(options, problems, warnings);
  if (problems.length > 0) return incomplete(problems);
  const contents = await gatherFiles(options, projects, problems, warnings);
  if (problems.length > 0) return incomplete(problems);
  const written = await write(options, projects, contents);
  if (!written.ok) return written;
  const fileCount = contents.filter(({ kind }) => kind === "file").length;
  return ok({ projectCount: projects.length, fileCount, sizeBytes: written.value, warnings });
}

/** Requirements that no index has a say in are told and left out. */
export function wantedProjects(lock: LockFile, warnings: string[]): Map<string, Requirement[]> {
  for (const { project, isFromIndex, note } of lock.requirements)
    if (!isFromIndex) warnings.push(`${project} ${note ?? "comes from no index"}`);
  return Map.groupBy(
    lock.requirements.filter(({ isFromIndex }) => isFromIndex),
    ({ project }) => project,
  );
}

async function gatherPages({ lock, source, onProgress }: ExportOptions, problems: string[], warnings: string[]): Promise<Gathered[]> {
  const wanted = wantedProjects(lock, warnings);
  const gathered: Gathered[] = [];
  let doneCount = 0;
  await atOnce(PAGES_AT_ONCE, wanted, async ([project, requirements]) => {
    const sourced = await source.page(project, true);
    if (!sourced.ok) problems.push(`${project}: ${failureText(sourced.failure)}`);
    else if (sourced.value === null) problems.push(`${project}: no index has it`);
    else {
      const selection = selectFiles(requirements, sourced.value.page);
      problems.push(...selection.problems);
      warnings.push(...selection.warnings);
      gathered.push({ sourced: sourced.value, selected: selection.files, bundled: new Map() });
    }
    onProgress?.({ phase: "pages", doneCount: ++doneCount, totalCount: wanted.size, doneBytes: 0 });
  });
  return gathered.sort((one, other) => (one.sourced.page.name < other.sourced.page.name ? -1 : 1));
}

/** By kind, project and file name, in that order of names. */
async function gatherFiles(
  { source, onProgress }: ExportOptions,
  projects: readonly Gathered[],
  problems: string[],
  warnings: string[],
): Promise<ContentEntry[]> {
  const wanted = projects.flatMap((project) => project.selected.map((selected) => ({ project, selected })));
  const contents: ContentEntry[] = [];
  let [doneCount, doneBytes] = [0, 0];
  await atOnce(FILES_AT_ONCE, wanted, async ({ project, selected: { file, lockedHashes } }) => {
    const name = project.sourced.page.name;
    const content = await measure(source, name, file, "file");
    if (!content.ok) problems.push(`${file.filename}: ${content.failure}`);
    else {
      const told = lockedHashes["sha256"];
      if (told !== undefined && told !== content.value.sha256)
        problems.push(`${file.filename}: its sha256 is ${content.value.sha256}, the lock wants ${told}`);
      const metadata = file.coreMetadata === false ? null : await measure(source, name, file, "metadata");
      // The page in the bundle won't promise it: installers take the file itself then.
      if (metadata?.ok === false) warnings.push(`${file.filename}: its metadata is left out: ${metadata.failure}`);
      for (const entry of [content.value, ...(metadata?.ok ? [metadata.value] : [])]) {
        contents.push(entry);
        doneBytes += entry.sizeBytes;
      }
      const { sha256, sizeBytes } = content.value;
      project.bundled.set(file.filename, { file, sha256, sizeBytes, metadataSha256: metadata?.ok ? metadata.value.sha256 : null });
    }
    onProgress?.({ phase: "fetch", doneCount: ++doneCount, totalCount: wanted.length, doneBytes });
  });
  if (contents.length + projects.length > ENTRIES_MAX) problems.push(`A bundle has at most ${ENTRIES_MAX} entries`);
  return contents.sort((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1));
}

function sortKey({ project, filename, kind }: ContentEntry): string {
  return `${project}/${filename}/${kind}`;
}

/** Has it fetched and verified; what comes back is what it turned out to be. The fault is a phrase. */
async function measure(
  source: BundleSource,
  project: string,
  file: SelectedFile["file"],
  kind: BundledKind,
): Promise<Result<ContentEntry, string>> {
  const opened = await source.open(project, file, kind, true);
  const content = usable(opened);
  if (!content.ok) return content;
  const { sha256, reader } = content.value;
  const { sizeBytes } = reader;
  await reader.close();
  if (sizeBytes > MEMBER_MAX_BYTES) return fail(`it has ${sizeBytes} bytes, and a bundle takes files up to ${MEMBER_MAX_BYTES}`);
  return ok({ kind, project, filename: file.filename, sha256, sizeBytes });
}

function usable(opened: Result<OpenedContent | null, MirrorFailure>): Result<OpenedContent, string> {
  if (!opened.ok) return fail(failureText(opened.failure));
  return opened.value === null ? fail("it can't be had") : ok(opened.value);
}

async function write(
  { source, outFile, createdMs, onProgress }: ExportOptions,
  projects: readonly Gathered[],
  contents: readonly ContentEntry[],
): Promise<Result<number, BundleFailure>> {
  const pages = new Map<string, Buffer>();
  const pageEntries = projects.map(({ sourced, selected, bundled }): PageEntry => {
    const files = selected.map(({ file }) => bundled.get(file.filename)!);
    const bytes = Buffer.from(JSON.stringify(trimPage(sourced.page, files)));
    const digest = sha256(bytes);
    pages.set(digest, bytes);
    return { project: sourced.page.name, index: sourced.index, fetchedAtMs: sourced.fetchedAtMs, sha256: digest, sizeBytes: bytes.length };
  });
  if (pageEntries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) > PAGES_MAX_BYTES)
    return incomplete([`Its pages would have more than ${PAGES_MAX_BYTES} bytes, which is the limit`]);
  const manifest: BundleManifest = { created: new Date(createdMs).toISOString(), pages: pageEntries, contents };
  const text = Buffer.from(manifestText(manifest));
  if (text.length > MANIFEST_MAX_BYTES)
    return incomplete([`The manifest would have ${text.length} bytes, and ${MANIFEST_MAX_BYTES} is the limit`]);
  let writer: BundleWriter | null = null;
  try {
    writer = await BundleWriter.create(outFile);
    await writer.add({ name: MANIFEST_NAME, sizeBytes: text.length, sha256: null }, [text]);
    for (const [digest, bytes] of pages) await writer.add({ name: pageMember(digest), sizeBytes: bytes.length, sha256: digest }, [bytes]);
    const result = await writeContents(writer, source, projects, contents, onProgress);
    if (!result.ok) return result;
    await writer.finish();
    writer = null;
    return result;
  } catch (error) {
    const message = `Cannot write the bundle ${outFile}: ${(error as Error).message}`;
    return fail<BundleFailure>({ code: "BUNDLE_UNWRITABLE", message, hint: "Check the folder and its free space", problems: [] });
  } finally {
    await writer?.abandon();
  }
}

/** How many bytes were written. */
async function writeContents(
  writer: BundleWriter,
  source: BundleSource,
  projects: readonly Gathered[],
  contents: readonly ContentEntry[],
  onProgress: OnProgress | undefined,
): Promise<Result<number, BundleFailure>> {
  const byProject = new Map(projects.map((gathered) => [gathered.sourced.page.name, gathered]));
  const written = new Set<string>();
  let [doneCount, doneBytes] = [0, 0];
  for (const { kind, project, filename, sha256, sizeBytes } of contents) {
    if (!written.has(sha256)) {
      written.add(sha256);
      // A small cache may have dropped it meanwhile: then it is fetched once more.
      const content = usable(await source.open(project, byProject.get(project)!.bundled.get(filename)!.file, kind, true));
      if (!content.ok) return incomplete([`${filename}: ${content.failure}`]);
      const { reader } = content.value;
      try {
        const isRight = await writer.add({ name: contentMember(sha256), sizeBytes, sha256 }, reader.stream(0, reader.sizeBytes));
        if (!isRight) return incomplete([`${filename}: its bytes changed between the fetch and the writing`]);
      } finally {
        await reader.close();
      }
      doneBytes += sizeBytes;
    }
    onProgress?.({ phase: "write", doneCount: ++doneCount, totalCount: contents.length, doneBytes });
  }
  return ok(doneBytes);
}

function incomplete(problems: readonly string[]): Result<never, BundleFailure> {
  const message = `Cannot make the bundle: ${problems.length === 1 ? problems[0] : `${problems.length} things are missing`}`;
  return fail({ code: "BUNDLE_INCOMPLETE", message, hint: "Nothing was written; mend these and run it again", problems });
}
