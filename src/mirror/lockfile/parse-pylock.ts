/** pylock.toml (PEP 751): packages with the files that an installer may choose from. Reads version 1 of the format. */
import { fail, ok, type Result } from "../../base/result.ts";
import { type LockedFile, type LockFile, quoted, type Requirement } from "./lock-file.ts";
import { readPackages } from "./read-packages.ts";
import { asHashes, asSize, asTable, asTables, asText, lastSegment, parseToml, type Table } from "./toml-values.ts";

/** Where a package comes from when not from sdist and wheels; the standard allows one of them. */
const ORIGINS: readonly (readonly [string, string])[] = [
  ["vcs", "a repository"],
  ["directory", "a folder"],
  ["archive", "an address"],
];

export async function parsePylock(text: string): Promise<Result<LockFile, string>> {
  const parsed = await parseToml(text);
  if (!parsed.ok) return parsed;
  const version = asText(parsed.value["lock-version"]);
  if (version === null || !/^1(?:\.\d{1,5})?$/.test(version)) {
    return fail(`its lock-version is ${quoted(String(parsed.value["lock-version"]))}, and only 1 can be read`);
  }
  const requirements = readPackages(parsed.value["packages"], readPackage);
  return requirements.ok ? ok({ format: "pylock.toml", requirements: requirements.value, notes: [] }) : requirements;
}

function readPackage(project: string, table: Table): Requirement {
  const origin = ORIGINS.find(([key]) => table[key] !== undefined)?.[1];
  const marker = asText(table["marker"]);
  const notes = [
    ...(origin === undefined ? [] : [`comes from ${origin}, not from an index`]),
    ...(marker === null ? [] : [`only where ${marker.slice(0, 200)}`]),
  ];
  const sdist = asTable(table["sdist"]);
  const files = [...(sdist === null ? [] : [sdist]), ...asTables(table["wheels"])].map(readFile);
  return {
    project,
    specifier: null,
    version: asText(table["version"]),
    files: origin === undefined ? files : [],
    isFromIndex: origin === undefined,
    note: notes.length === 0 ? null : notes.join("; "),
  };
}

function readFile(table: Table): LockedFile {
  // Without a name the last part of the path or address is one, in this order.
  const place = asText(table["path"]) ?? asText(table["url"]);
  return {
    filename: asText(table["name"]) ?? (place === null ? null : lastSegment(place)),
    hashes: asHashes(table["hashes"]),
    sizeBytes: asSize(table["size"]),
  };
}
