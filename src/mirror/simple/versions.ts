/**
 * Versions of a project as a page lists them (PEP 700): upstream's own list,
 * or what the names of the files tell. Pure.
 */
import { parseDistributionName } from "./distribution-name.ts";
import type { ProjectFile } from "./project-page.ts";

/**
 * The versions of these files, each once, in the files' order. `known` gives
 * the spelling: a file name says "1.0rc1" and "1.0+a.b" where the index may
 * say "1.0RC1" and "1.0+a-b".
 */
export function versionsOf(files: readonly ProjectFile[], project: string, known: readonly string[] = []): string[] {
  const spellings = new Map(known.map((version) => [looseKey(version), version]));
  const versions = new Map<string, string>();
  for (const file of files) {
    const version = parseDistributionName(file.filename, project)?.version;
    if (version === undefined) continue;
    const key = looseKey(version);
    if (!versions.has(key)) versions.set(key, spellings.get(key) ?? version);
  }
  return [...versions.values()];
}

/** Equal for spellings of one version; "1.0-1" and "1.0.1" are two. */
function looseKey(version: string): string {
  const [release = "", ...local] = version
    .toLowerCase()
    .replace(/^v(?=\d)/, "")
    .split("+");
  return [release.replaceAll("_", "-"), ...local.map((part) => part.replace(/[-_]/g, "."))].join("+");
}
