/**
 * uv.lock: what uv locked, by package, with every file it may install. The
 * format is uv's own; this reads its version 1, of which later revisions only
 * add fields.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { type LockedFile, type LockFile, parseHash, quoted, type Requirement } from "./lock-file.ts";
import { readPackages } from "./read-packages.ts";
import { asSize, asTable, asTables, asText, lastSegment, parseToml, type Table } from "./toml-values.ts";

const VERSION = 1;

/** Key of a source that is no registry, and what it is. */
const ORIGINS: readonly (readonly [string, string])[] = [
  ["git", "a repository"],
  ["url", "an address"],
  ["path", "a file"],
  ["directory", "a folder"],
  ["editable", "a folder"],
  ["virtual", "the project itself"],
];

export async function parseUvLock(text: string): Promise<Result<LockFile, string>> {
  const parsed = await parseToml(text);
  if (!parsed.ok) return parsed;
  const { version } = parsed.value;
  if (version !== VERSION) return fail(`its version is ${quoted(String(version))}, and only ${VERSION} can be read`);
  const requirements = readPackages(parsed.value["package"], readPackage);
  return requirements.ok ? ok({ format: "uv.lock", requirements: requirements.value, notes: [] }) : requirements;
}

function readPackage(project: string, table: Table): Requirement {
  const source = asTable(table["source"]) ?? {};
  const registry = asText(source["registry"]);
  const isFromIndex = registry !== null && /^https?:/i.test(registry);
  const origin = registry === null ? (ORIGINS.find(([key]) => source[key] !== undefined)?.[1] ?? "elsewhere") : "a local folder";
  const note = isFromIndex ? null : `comes from ${origin}, not from an index`;
  const sdist = asTable(table["sdist"]);
  const files = [...(sdist === null ? [] : [sdist]), ...asTables(table["wheels"])].map(readFile);
  return { project, specifier: null, version: asText(table["version"]), files, isFromIndex, note };
}

function readFile(table: Table): LockedFile {
  const place = asText(table["filename"]) ?? asText(table["url"]) ?? asText(table["path"]);
  const hash = asText(table["hash"]);
  return {
    filename: place === null ? null : lastSegment(place),
    hashes: (hash === null ? null : parseHash(hash)) ?? {},
    sizeBytes: asSize(table["size"]),
  };
}
