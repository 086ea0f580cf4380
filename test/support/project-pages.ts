/**
 * Project pages for properties: any that a parser may have made, with the
 * addresses that files of the mirror's own pages have, so that a page which is
 * rendered and parsed again can be the same.
 */
import { readText } from "../../src/mirror/simple/fields.ts";
import type { ProjectFile, ProjectPage } from "../../src/mirror/simple/project-page.ts";
import { versionsOf } from "../../src/mirror/simple/versions.ts";
import fc from "./properties.ts";

export const PAGE_BASE = "https://mirror.example/prefix/simple/holygrail/";

const text = fc
  .oneof(fc.string({ unit: "binary" }), fc.constantFrom("<b>", "\"'&amp;", "</a>", "-->", "größe", "a\nb", ">=3.7,<4", "\u{1f600}"))
  .map((value) => readText(value, 1000));

const hex = (length: number) => fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
const hashes = fc.record({ sha256: hex(64), md5: hex(32), blake2b: hex(128) }, { requiredKeys: [], noNullPrototype: true }) as fc.Arbitrary<
  Record<string, string>
>;

const version = fc
  .tuple(fc.nat(40), fc.nat(40), fc.constantFrom("", "rc1", ".post2", "+cpu", ".dev0+a.b"))
  .map(([major, minor, rest]) => `${major}.${minor}${rest}`);
const ending = fc.constantFrom(
  (v: string) => `-${v}.tar.gz`,
  (v: string) => `-${v}-py3-none-any.whl`,
  (v: string) => `-${v}-1-cp312-abi3-any.whl`,
  (v: string) => `-${v}.zip`,
);

const file: fc.Arbitrary<ProjectFile> = fc
  .record({
    filename: fc
      .tuple(fc.constantFrom("holygrail", "HolyGrail", "holy_grail's"), version, ending)
      .map(([name, v, end]) => `${name}${end(v)}`),
    hashes,
    requiresPython: text,
    sizeBytes: fc.option(fc.maxSafeNat()),
    uploadTime: fc.option(fc.constantFrom("2022-10-26T09:39:21Z", "2026-01-01T00:00:00.123456Z")),
    yanked: fc.oneof(
      fc.boolean(),
      text.map((reason) => reason ?? true),
    ),
    coreMetadata: fc.oneof(
      fc.boolean(),
      hashes.map((found) => Object.keys(found).length > 0 && found),
    ),
    gpgSignature: fc.option(fc.boolean()),
    hasProvenance: fc.boolean(),
  })
  .map(({ hasProvenance, ...rest }) => {
    const url = PAGE_BASE + encodeURIComponent(rest.filename);
    return { ...rest, url, provenance: hasProvenance ? `${url}.provenance` : null };
  });

const addresses = fc.uniqueArray(fc.constantFrom("https://one.example/simple/holygrail/", "https://two.example/?a=b&c=%22"));

/** What JSON can carry, which is everything. */
export const projectPages: fc.Arbitrary<ProjectPage> = fc.record(
  {
    name: fc.constant("holygrail"),
    files: fc.uniqueArray(file, { maxLength: 12, selector: (one) => one.filename }),
    versions: fc.uniqueArray(version),
    status: fc.option(
      fc.record({ state: fc.constantFrom("active", "archived", "quarantined", "of-later"), reason: text }, { noNullPrototype: true }),
    ),
    tracks: addresses,
    alternateLocations: addresses,
    lastSerial: fc.option(fc.maxSafeNat()),
  },
  { noNullPrototype: true },
);

/** What of a page HTML can carry: no sizes and times, one digest in a link, versions that files tell. */
export function asHtmlCarriesIt(page: ProjectPage): ProjectPage {
  const files = page.files.map((entry) => ({
    ...entry,
    hashes: oneDigest(entry.hashes),
    sizeBytes: null,
    uploadTime: null,
    coreMetadata:
      typeof entry.coreMetadata === "boolean" || Object.keys(oneDigest(entry.coreMetadata)).length === 0
        ? entry.coreMetadata !== false
        : oneDigest(entry.coreMetadata),
  }));
  return { ...page, files, versions: versionsOf(files, page.name) };
}

function oneDigest(found: Readonly<Record<string, string>>): Record<string, string> {
  const algorithm = ["sha256", "md5"].find((name) => found[name] !== undefined);
  return algorithm === undefined ? {} : { [algorithm]: found[algorithm] as string };
}
