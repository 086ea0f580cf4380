/**
 * Image manifest: what an image is of and made of, kept beside it: the digest
 * of each of its files, and the sources (modules, libraries) as they were. An
 * image with another file, another source, or a manifest that is not whole is not
 * used. The digests are against torn and rotten files; against people there are the
 * folder's permissions (image-store.ts). Parsing is pure.
 */
import { createHash } from "node:crypto";

/** A file of the image. */
export interface ImageFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A file elsewhere that the image was made of. */
export interface SourceFile {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

export interface ImageManifest<Details> {
  /** What it is an image of (image-key.ts). */
  readonly key: string;
  /** What its kind has to know to use it. */
  readonly details: Details;
  readonly files: readonly ImageFile[];
  readonly sources: readonly SourceFile[];
}

export const MANIFEST_NAME = "manifest";
/** Changes with the shape of what is below it. */
const FIRST_WORDS = "pilotlight image 1";

/** The first line vouches for the second. */
export function writeManifest(manifest: ImageManifest<unknown>): string {
  const body = JSON.stringify(manifest);
  return `${FIRST_WORDS} ${digestOf(body)}\n${body}\n`;
}

/** Null when it is not whole, or of another version. */
export function readManifest<Details>(text: string): ImageManifest<Details> | null {
  const [head = "", body = "", rest] = text.split("\n");
  if (rest !== "" || head !== `${FIRST_WORDS} ${digestOf(body)}`) return null;
  return JSON.parse(body) as ImageManifest<Details>;
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
