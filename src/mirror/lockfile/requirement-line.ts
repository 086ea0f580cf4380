/**
 * Requirement line: one requirement of PEP 508 with pip's options behind it,
 * 'demo[extra] >=1,<2 ; python_version < "3.9" --hash=sha256:…'. Scanned by
 * hand: an expression for blanks before "#" or ";" takes quadratic time on a
 * line of blanks. Markers and extras are not judged: what they would add or
 * take away depends on the machine that installs.
 */

import { normaliseName } from "../../base/project-name.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { parseSpecifier, pinnedVersion } from "../versions/specifier.ts";
import { type LockedFile, parseHash, quoted, type Requirement } from "./lock-file.ts";

const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,198}[a-z0-9])?(?![a-z0-9._-])/i;
const EXTRAS = /^\[[a-z0-9._,\s-]{0,1000}\]/i;
/** "git+https://…", "https://…", "file:…". */
const ADDRESS = /^[a-z][a-z0-9+.-]{0,30}:/i;

/** Null for a line that names no project: a path or an address. The fault is a phrase that follows the line's number. */
export function parseRequirementLine(line: string): Result<Requirement | null, string> {
  const { text, options } = splitOptions(line);
  const name = NAME.exec(text)?.[0];
  if (isPlace(text, name)) return ok(null);
  if (name === undefined) return fail(`${quoted(text)} is no requirement`);
  const extras = EXTRAS.exec(text.slice(name.length).trimStart())?.[0] ?? "";
  const behindName = text.slice(name.length).trimStart().slice(extras.length).trim();
  const files: LockedFile[] = [];
  for (const option of options) {
    const hash = option.name === "--hash" ? parseHash(option.value) : null;
    if (hash !== null) files.push({ filename: null, hashes: hash, sizeBytes: null });
    else if (option.name === "--hash") return fail(`${quoted(option.value)} is no hash: use --hash=sha256:…`);
  }
  const project = normaliseName(name);
  if (behindName.startsWith("@")) {
    const note = "comes from an address, not from an index";
    return ok({ project, specifier: null, version: null, files, isFromIndex: false, note });
  }
  const semicolon = behindName.indexOf(";");
  const marker = semicolon === -1 ? "" : behindName.slice(semicolon + 1).trim();
  const written = withoutBrackets((semicolon === -1 ? behindName : behindName.slice(0, semicolon)).trim());
  const specifier = parseSpecifier(written);
  if (!specifier.ok) return fail(`${quoted(written)} ${specifier.failure}`);
  const version = pinnedVersion(specifier.value);
  const note = marker === "" ? null : `only where ${marker.slice(0, 200)}`;
  return ok({ project, specifier: specifier.value.text, version, files, isFromIndex: true, note });
}

/** "(>=1.0)", as PEP 508 allows. */
function withoutBrackets(text: string): string {
  return text.startsWith("(") && text.endsWith(")") ? text.slice(1, -1).trim() : text;
}

/** As pip decides it: a name may be followed by an address, but doesn't look like one. */
function isPlace(text: string, name: string | undefined): boolean {
  if (text.startsWith(".") || text.startsWith("/") || text.startsWith("~") || ADDRESS.test(text)) return true;
  const behind = name === undefined ? "" : text.slice(name.length).trimStart();
  if (behind.startsWith("/") || behind.startsWith("\\")) return true;
  const isFile = /\.(?:whl|tar\.gz|zip|tgz|tar\.bz2)$/i.test(name ?? "");
  return isFile && behind === "";
}

interface LineOption {
  readonly name: string;
  readonly value: string;
}

/** At the first word that begins with "--": no name, version or marker holds one. */
function splitOptions(line: string): { readonly text: string; readonly options: readonly LineOption[] } {
  const start = line.search(/\s--/);
  if (start === -1) return { text: line.trim(), options: [] };
  const words = line
    .slice(start)
    .split(/\s/)
    .filter((word) => word !== "");
  const options: LineOption[] = [];
  for (let place = 0; place < words.length; place++) {
    const word = words[place]!;
    if (!word.startsWith("--")) continue;
    const equals = word.indexOf("=");
    const next = words[place + 1];
    if (equals !== -1) options.push({ name: word.slice(0, equals), value: word.slice(equals + 1) });
    else options.push({ name: word, value: next === undefined || next.startsWith("--") ? "" : next });
  }
  return { text: line.slice(0, start).trim(), options };
}
