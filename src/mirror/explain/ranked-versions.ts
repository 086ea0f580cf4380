/**
 * Ranked versions: which version of a project an installer would choose among
 * those that count. The newest by PEP 440; a pre-release only where nothing
 * else fits or the specifier names one; never a yanked one. Pure.
 */
import type { VersionExplanation } from "../pages/pages.ts";
import { type Specifier, specifierMatches } from "../versions/specifier.ts";
import { compareVersions, parseVersion, type Version } from "../versions/version.ts";

export type ExplainedFile = VersionExplanation["files"][number];

export interface RankedVersion {
  readonly text: string;
  readonly version: Version;
  readonly files: readonly ExplainedFile[];
}

/** The newest first. What is no version of PEP 440 is left out: installers choose none. */
export function rankVersions(versions: readonly VersionExplanation[]): RankedVersion[] {
  return versions
    .flatMap(({ version: text, files }) => {
      const version = parseVersion(text);
      return version === null ? [] : [{ text, version, files }];
    })
    .sort((one, other) => compareVersions(other.version, one.version));
}

export function isAllowed({ yanked, hiddenBy }: ExplainedFile): boolean {
  return yanked === false && hiddenBy === null;
}

export function isOffered({ yanked }: ExplainedFile): boolean {
  return yanked === false;
}

/** Of those of which a file counts. */
export function newestVersion(
  ranked: readonly RankedVersion[],
  counts: (file: ExplainedFile) => boolean,
  specifier: Specifier | null,
): RankedVersion | null {
  let newestPrerelease: RankedVersion | null = null;
  for (const candidate of ranked) {
    if (specifier !== null && specifierMatches(specifier, candidate.text, candidate.version) !== true) continue;
    if (!candidate.files.some(counts)) continue;
    if (!candidate.version.isPrerelease || specifier?.namesPrerelease === true) return candidate;
    newestPrerelease ??= candidate;
  }
  return newestPrerelease;
}
