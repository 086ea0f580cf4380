/**
 * What the upstream double of the benchmark holds: a project of 3,000 files with
 * three SHA-256 values each, two of them real (a wheel of 10 MB, one of 100 MB),
 * a list of 600,000 names, and many small projects. Computed alike by the double
 * that serves it and by whoever checks answers against it.
 */
import { createHash } from "node:crypto";
import { createRandom } from "../../../src/stats/random.ts";

export interface Sizes {
  readonly fileCount: number;
  readonly nameCount: number;
  readonly wheelBytes: number;
  readonly largeBytes: number;
  /** Projects `small-0` …, each with `smallFileCount` files of a few bytes. */
  readonly smallCount: number;
  readonly smallFileCount: number;
}

export interface StoredFile {
  readonly filename: string;
  readonly sha256: string;
  readonly bytes: Buffer;
}

export const PROJECT = "numpy-like";
const DISTRIBUTION = "numpy_like";
const TAGS_PER_VERSION = 30;
const SYLLABLES = [
  "py",
  "data",
  "net",
  "ml",
  "web",
  "test",
  "core",
  "lib",
  "async",
  "cloud",
  "json",
  "flow",
  "auth",
  "graph",
  "tools",
  "kit",
];

export interface Content {
  readonly wheel: StoredFile;
  readonly large: StoredFile;
  /** Of every file that the page lists, in its order. */
  readonly listed: readonly { readonly filename: string; readonly sha256: string }[];
}

export function contentOf({ fileCount, wheelBytes, largeBytes }: Sizes): Content {
  const wheel = storedFile(`${DISTRIBUTION}-0.1.0-py3-none-any.whl`, wheelBytes, 1);
  const large = storedFile(`${DISTRIBUTION}-0.2.0-py3-none-any.whl`, largeBytes, 2);
  const listed = [wheel, large].map(({ filename, sha256 }) => ({ filename, sha256 }));
  for (let at = listed.length; at < fileCount; at++) {
    const python = `cp3${8 + (at % TAGS_PER_VERSION)}`;
    const filename = `${DISTRIBUTION}-1.${Math.floor(at / TAGS_PER_VERSION)}.0-${python}-${python}-manylinux_2_17_x86_64.whl`;
    listed.push({ filename, sha256: sha256(filename) });
  }
  return { wheel, large, listed };
}

/** The page of the large project, as an index with PEP 658, 691, 700 and 714 has it. */
export function projectJson({ listed, wheel, large }: Content, filesUrl: string): string {
  const sizes = new Map([wheel, large].map(({ filename, bytes }) => [filename, bytes.length]));
  return pageJson(
    PROJECT,
    listed.map(({ filename }) => filename),
    listed.map(({ filename, sha256: hash }, at) => fileJson(filesUrl, filename, hash, sizes.get(filename) ?? 1_000_000 + at)),
  );
}

/** Null when there is no such small project. */
export function smallProjectJson(name: string, { smallCount, smallFileCount }: Sizes, filesUrl: string): string | null {
  const at = Number(/^small-(\d+)$/.exec(name)?.[1] ?? Number.NaN);
  if (!(at < smallCount)) return null;
  const filenames = smallFilenames(at, smallFileCount);
  return pageJson(
    name,
    filenames,
    filenames.map((filename) => {
      const bytes = smallFile(filename);
      return fileJson(filesUrl, filename, sha256(bytes), bytes.length);
    }),
  );
}

export function smallFilenames(project: number, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `small_${project}-1.${at}.0-py3-none-any.whl`);
}

export function smallFile(filename: string): Buffer {
  return Buffer.from(`the content of ${filename}\n`);
}

/** `revision` further names at the end: an index that has grown. */
export function listJson({ nameCount }: Sizes, revision: number): string {
  const random = createRandom(3);
  const word = (): string => SYLLABLES[Math.floor(random() * SYLLABLES.length)]!;
  const entries = Array.from(
    { length: nameCount + revision },
    (_, at) => `{"_last-serial":${200_000 + at},"name":"${word()}-${word()}-${at.toString(36)}"}`,
  );
  return `{"meta":{"_last-serial":${30_000_000 + revision},"api-version":"1.4"},"projects":[${entries.join(",")}]}`;
}

function pageJson(name: string, filenames: readonly string[], files: readonly string[]): string {
  const versions = new Set(filenames.map((filename) => `"${filename.split("-")[1]}"`));
  return `{"meta":{"_last-serial":30000000,"api-version":"1.4"},"name":"${name}","versions":[${[...versions]}],"files":[${files.join(",")}]}`;
}

function fileJson(filesUrl: string, filename: string, hash: string, size: number): string {
  const metadata = `{"sha256":"${sha256(`${filename}.metadata`)}"}`;
  return `{"core-metadata":${metadata},"data-dist-info-metadata":${metadata},"filename":"${filename}","hashes":{"sha256":"${hash}"},"provenance":null,"requires-python":">=3.8","size":${size},"upload-time":"2026-01-02T03:04:05.678901Z","url":"${filesUrl}${filename}","yanked":false}`;
}

function storedFile(filename: string, size: number, seed: number): StoredFile {
  const bytes = noise(size, seed);
  return { filename, sha256: sha256(bytes), bytes };
}

/** Bytes that nothing on the way could make smaller; the same every time. */
export function noise(size: number, seed: number): Buffer {
  const random = createRandom(seed);
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let at = 0; at < words.length; at++) words[at] = random() * 2 ** 32;
  return Buffer.from(words.buffer).subarray(0, size);
}

function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
