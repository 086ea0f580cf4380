/**
 * Which files of a project's page a lock wants: those it names; those whose
 * hashes it lists; else all wheels and sdists of the version it pins. What the
 * page doesn't have, or has otherwise, is a problem: a bundle, or a proof, that
 * passed over it would fail an installer where nobody can help it. Pure.
 */
import type { LockedFile, Requirement } from "../lockfile/lock-file.ts";
import { parseDistributionName } from "../simple/distribution-name.ts";
import type { ProjectFile, ProjectPage } from "../simple/project-page.ts";
import { parseSpecifier, specifierMatches } from "../versions/specifier.ts";
import { parseVersion } from "../versions/version.ts";
import { contradicts } from "./bundled-page.ts";

export interface Selection {
  readonly files: readonly SelectedFile[];
  /** Each says what of the lock can't be had. */
  readonly problems: readonly string[];
  /** What a reader should know, though nothing is missing. */
  readonly warnings: readonly string[];
}

export interface SelectedFile {
  readonly file: ProjectFile;
  /** What the lock says of its bytes. */
  readonly lockedHashes: Readonly<Record<string, string>>;
}

/** `requirements` are all of one project. */
export function selectFiles(requirements: readonly Requirement[], page: ProjectPage): Selection {
  const selected = new Map<string, SelectedFile>();
  const problems: string[] = [];
  const warnings: string[] = [];
  const byName = new Map(page.files.map((file) => [file.filename, file]));
  for (const requirement of requirements) {
    const { project, version, files } = requirement;
    const what = `${project} ${version ?? requirement.specifier ?? ""}`.trimEnd();
    const named = files.filter(({ filename }) => filename !== null);
    let found: readonly SelectedFile[];
    if (named.length > 0) found = selectByName(named, byName, problems, what);
    else if (version === null) {
      problems.push(`${what} is not pinned: lock it to one version`);
      continue;
    } else {
      const ofVersion = page.files.filter(({ filename }) => isOfVersion(filename, project, version));
      found = files.length === 0 ? ofVersion.map((file) => ({ file, lockedHashes: {} })) : selectByHash(files, ofVersion);
      if (found.length === 0)
        problems.push(`${what}: the index lists no file of it${files.length === 0 ? "" : " with a hash of the lock"}`);
    }
    if (found.length > 0 && !found.some(({ file }) => file.filename.endsWith(".whl"))) {
      warnings.push(`${what} has no wheel: what building it needs is not in the lock`);
    }
    for (const one of found) selected.set(one.file.filename, one);
  }
  return { files: [...selected.values()], problems, warnings };
}

function selectByName(
  named: readonly LockedFile[],
  byName: ReadonlyMap<string, ProjectFile>,
  problems: string[],
  what: string,
): SelectedFile[] {
  return named.flatMap(({ filename, hashes, sizeBytes }) => {
    const file = byName.get(filename!);
    if (file === undefined) problems.push(`${what}: the index doesn't list ${filename}`);
    else if (contradicts(file.hashes, hashes)) problems.push(`${what}: the lock wants other bytes for ${filename} than the index offers`);
    else if (sizeBytes !== null && file.sizeBytes !== null && sizeBytes !== file.sizeBytes) {
      problems.push(`${what}: the lock wants ${filename} with ${sizeBytes} bytes, the index offers ${file.sizeBytes}`);
    } else return [{ file, lockedHashes: hashes }];
    return [];
  });
}

/** A lock lists the hashes of all files there were; not all of them need still be there. */
function selectByHash(listed: readonly LockedFile[], files: readonly ProjectFile[]): SelectedFile[] {
  return files.flatMap((file) => {
    const match = listed.find(({ hashes }) => Object.entries(hashes).some(([algorithm, digest]) => file.hashes[algorithm] === digest));
    return match === undefined ? [] : [{ file, lockedHashes: match.hashes }];
  });
}

function isOfVersion(filename: string, project: string, wanted: string): boolean {
  const parsed = parseDistributionName(filename, project);
  if (parsed?.project !== project || parsed.kind === "other") return false;
  const specifier = parseSpecifier(`==${wanted}`);
  if (!specifier.ok) return parsed.version.toLowerCase() === wanted.toLowerCase();
  return specifierMatches(specifier.value, parsed.version, parseVersion(parsed.version)) === true;
}
