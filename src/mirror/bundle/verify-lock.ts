/**
 * `pilotlight mirror verify`: proves that an install of a lock file needs no
 * upstream. Every project must have a kept page that lists the wanted files,
 * and every file and its metadata must be in the store with the right bytes,
 * all of which are read and hashed here. Asks nobody outside.
 */
import { atOnce } from "../../base/at-once.ts";
import { builtin } from "../../base/builtin.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import type { LockFile } from "../lockfile/lock-file.ts";
import { digestAlgorithm } from "../simple/digests.ts";
import type { BundledKind, BundleSource, OnProgress, OpenedContent } from "./bundle-source.ts";
import { wantedProjects } from "./export-bundle.ts";
import { failureText } from "./failure-text.ts";
import { type SelectedFile, selectFiles } from "./select-files.ts";

/** Hashing is what takes the time; two keep disk and processor busy. */
const FILES_AT_ONCE = 2;

export interface VerifyOptions {
  readonly lock: LockFile;
  readonly source: BundleSource;
  readonly onProgress?: OnProgress;
}

export interface VerifyReport {
  /** Nothing is missing. */
  readonly isComplete: boolean;
  /** What an install would have to ask upstream for, or would not get at all. */
  readonly missing: readonly string[];
  readonly warnings: readonly string[];
  readonly projectCount: number;
  /** Right to the last byte; metadata not counted. */
  readonly fileCount: number;
  readonly checkedBytes: number;
}

export async function verifyLock({ lock, source, onProgress }: VerifyOptions): Promise<VerifyReport> {
  const missing: string[] = [];
  const warnings: string[] = [...lock.notes];
  const wanted: { readonly project: string; readonly selected: SelectedFile }[] = [];
  const projects = wantedProjects(lock, warnings);
  for (const [project, requirements] of projects) {
    const sourced = await source.page(project, false);
    if (!sourced.ok) missing.push(`${project}: ${failureText(sourced.failure)}`);
    else if (sourced.value === null) missing.push(`${project}: the mirror has no page of it`);
    else {
      const selection = selectFiles(requirements, sourced.value.page);
      missing.push(...selection.problems);
      warnings.push(...selection.warnings);
      wanted.push(...selection.files.map((selected) => ({ project, selected })));
    }
  }
  let [doneCount, fileCount, checkedBytes] = [0, 0, 0];
  await atOnce(FILES_AT_ONCE, wanted, async ({ project, selected: { file, lockedHashes } }) => {
    const bytes = await checkContent(source, project, file, "file", [file.hashes, lockedHashes]);
    if (bytes.ok) fileCount++;
    else missing.push(`${file.filename}: ${bytes.failure}`);
    const promised = typeof file.coreMetadata === "boolean" ? {} : file.coreMetadata;
    const metadata = file.coreMetadata === false ? ok(0) : await checkContent(source, project, file, "metadata", [promised]);
    if (!metadata.ok) missing.push(`${file.filename}.metadata: ${metadata.failure}`);
    checkedBytes += (bytes.ok ? bytes.value : 0) + (metadata.ok ? metadata.value : 0);
    onProgress?.({ phase: "verify", doneCount: ++doneCount, totalCount: wanted.length, doneBytes: checkedBytes });
  });
  return { isComplete: missing.length === 0, missing, warnings, projectCount: projects.size, fileCount, checkedBytes };
}

/** How many bytes it has. The fault is a phrase that follows its name. */
async function checkContent(
  source: BundleSource,
  project: string,
  file: SelectedFile["file"],
  kind: BundledKind,
  promises: readonly Readonly<Record<string, string>>[],
): Promise<Result<number, string>> {
  const opened = await source.open(project, file, kind, false);
  if (!opened.ok) return fail(failureText(opened.failure));
  if (opened.value === null) return fail("the mirror has not kept it");
  try {
    return await hashContent(opened.value, promises);
  } catch (error) {
    return fail(`it can't be read: ${(error as Error).message}`);
  } finally {
    await opened.value.reader.close();
  }
}

async function hashContent(
  { sha256, reader }: OpenedContent,
  promises: readonly Readonly<Record<string, string>>[],
): Promise<Result<number, string>> {
  const wanted = [{ sha256 }, ...promises]
    .flatMap((told) => Object.entries(told))
    .flatMap(([name, digest]) => {
      const algorithm = digestAlgorithm(name);
      return algorithm === undefined ? [] : [{ algorithm, digest }];
    });
  const hashes = new Map(wanted.map(({ algorithm: { name, nodeName } }) => [name, builtin.crypto.createHash(nodeName)]));
  for await (const chunk of reader.stream(0, reader.sizeBytes)) for (const hash of hashes.values()) hash.update(chunk);
  const digests = new Map([...hashes].map(([name, hash]) => [name, hash.digest("hex")]));
  const wrong = wanted.find(({ algorithm, digest }) => digests.get(algorithm.name) !== digest);
  if (wrong === undefined) return ok(reader.sizeBytes);
  const { name } = wrong.algorithm;
  return fail(`its ${name} is ${digests.get(name)}, not ${wrong.digest}`);
}
