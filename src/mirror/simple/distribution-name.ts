/**
 * File names of distributions: which project and which version one is of.
 * Wheels by PEP 427, sdists by PEP 625 and by what was usual before it, eggs
 * and the installers of old by what their makers wrote. Pure.
 * What comes out is what a name says: nobody has looked into the file.
 */
import { isProjectName, normaliseName } from "../../base/project-name.ts";

export interface DistributionName {
  /** Normalised. */
  readonly project: string;
  /** As the name spells it, a wheel's "_" put back. May be no version by PEP 440. */
  readonly version: string;
  readonly kind: "wheel" | "sdist" | "other";
}

const FILE_NAME_MAX_LENGTH = 255;
/** Control characters, line separators, characters that turn the direction of writing, halves of pairs. */
const INVISIBLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u;

const WHEEL = /\.whl$/i;
const EGG = /\.egg$/i;
const INSTALLER = /\.(?:exe|msi|rpm)$/i;
const ARCHIVE = /\.(?:tar\.(?:gz|bz2|xz|lz|lzma|z)|tar|tgz|tbz2?|txz|tlz|zip)$/i;

/** "foo-1.0.linux-x86_64.tar.gz" and "foo-1.0.win32-py2.7.exe" were built for a platform. */
const PLATFORM = /\.(?:linux-\w+|macosx-[\d.]+-\w+|win32|win-\w+)(?:-py\d(?:\.\d+)?)?$/i;
/** "foo-1.0-1.noarch.rpm": the release of the package, not of the project. */
const RPM_RELEASE = /-\w+(?:\.\w+)+$/;
/** Of PEP 440, near enough to tell "1.0" from "3to2-1.0". The bound keeps "rcrcrc…" from taking exponential time. */
const VERSION =
  /^v?(?:\d+!)?\d+(?:\.\d+)*(?:[-_.]?(?:alpha|beta|preview|pre|post|rev|dev|rc|a|b|c|r)[-_.]?\d*){0,3}(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?$/i;

/**
 * May this be a file name in our addresses? A percent sign is in no
 * distribution's name, and a proxy that decodes twice would make a slash of it.
 */
export function isFileName(name: string): boolean {
  return (
    name.length > 0 &&
    name.length <= FILE_NAME_MAX_LENGTH &&
    !/^[.\s]|[/\\%]|\s$/.test(name) &&
    !INVISIBLE.test(name) &&
    name.isWellFormed()
  );
}

/** Has it the ending of a distribution? What a page of links holds beside them (signatures, "../") has not. */
export function isDistributionFile(name: string): boolean {
  return isFileName(name) && (WHEEL.test(name) || ARCHIVE.test(name) || EGG.test(name) || INSTALLER.test(name));
}

/**
 * Null when the name tells no project and version. `knownProject` (normalised)
 * says where an old sdist's name ends: "zope-interface-5.0", "foo-1.0-1".
 */
export function parseDistributionName(filename: string, knownProject: string | null = null): DistributionName | null {
  if (!isFileName(filename)) return null;
  if (WHEEL.test(filename)) return parseWheel(filename.replace(WHEEL, ""));
  if (EGG.test(filename)) return parseEgg(filename.replace(EGG, ""));
  if (INSTALLER.test(filename)) return parseInstaller(filename, knownProject);
  if (!ARCHIVE.test(filename)) return null;
  const stem = filename.replace(ARCHIVE, "");
  const source = stem.replace(PLATFORM, "");
  return splitAtVersion(source, knownProject, source === stem ? "sdist" : "other");
}

/** name-version(-build)?-python-abi-platform, each without dashes. */
function parseWheel(stem: string): DistributionName | null {
  const parts = stem.split("-");
  if (parts.includes("") || (parts.length !== 5 && (parts.length !== 6 || !/^\d/.test(parts[2] as string)))) return null;
  return named(parts[0] as string, unescapeVersion(parts[1] as string), "wheel");
}

/** name-version(-pyX.Y(-platform)?)? */
function parseEgg(stem: string): DistributionName | null {
  const [name = "", version = "", python] = stem.split("-");
  if (python !== undefined && !/^py\d/.test(python)) return null;
  return named(name, unescapeVersion(version), "other");
}

function parseInstaller(filename: string, knownProject: string | null): DistributionName | null {
  const stem = filename.replace(INSTALLER, "");
  const source = /\.rpm$/i.test(filename) ? stem.replace(RPM_RELEASE, "") : stem.replace(PLATFORM, "");
  return splitAtVersion(source, knownProject, "other");
}

function splitAtVersion(stem: string, knownProject: string | null, kind: "sdist" | "other"): DistributionName | null {
  const at = findVersion(stem, knownProject);
  return at === -1 ? null : named(stem.slice(0, at), stem.slice(at + 1), kind);
}

/** Where the dash before the version is; -1 when there is none. */
function findVersion(stem: string, knownProject: string | null): number {
  if (knownProject !== null) {
    for (let at = stem.indexOf("-"); at !== -1; at = stem.indexOf("-", at + 1)) {
      if (normaliseName(stem.slice(0, at)) === knownProject) return at;
    }
  }
  const last = stem.lastIndexOf("-");
  if (VERSION.test(stem.slice(last + 1))) return last;
  const first = stem.search(/-v?\d/i);
  return first === -1 ? last : first;
}

function named(name: string, version: string, kind: DistributionName["kind"]): DistributionName | null {
  return isProjectName(name) && version !== "" ? { project: normaliseName(name), version, kind } : null;
}

/** Wheels and eggs write "_" for "-", and in a local version for any separator. */
function unescapeVersion(version: string): string {
  const [release = "", ...local] = version.split("+");
  return [release.replaceAll("_", "-"), ...local.map((part) => part.replaceAll("_", "."))].join("+");
}
