/**
 * Right answers, found before anything is measured: each server is asked twice,
 * in two processes, what it says is taken apart and held against what the double
 * has, and the bytes become what every measured answer is compared with. A
 * server whose bytes differ from process to process is checked by status alone
 * while it is measured, and that is noted.
 */
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import type { Answer } from "../../../src/lab/ab/probe.ts";
import type { Lab, Subject } from "../lab.ts";
import type { Content } from "./content.ts";

export interface RightAnswer {
  /** As on the wire. */
  readonly bytes: Buffer;
  readonly etag: string;
  /** The same from every process. */
  readonly isStable: boolean;
}

/** Throws with what is wrong. */
export type Inspect = (body: Buffer) => void;

/** Gzip names the time it was made at in whole seconds. */
const APART_MS = 1_100;

export async function rightAnswer(subject: Subject, inspect: Inspect, lab: Lab): Promise<RightAnswer> {
  const seen: { readonly bytes: Buffer; readonly etag: string }[] = [];
  for (let process = 0; process < 2; process++) {
    if (process > 0) await new Promise((resolve) => setTimeout(resolve, APART_MS));
    const server = await lab.start(subject);
    try {
      for (let turn = 0; turn < 2; turn++) {
        const answer = await server.get(subject.path);
        seen.push({ bytes: inspected(answer, subject.path, inspect), etag: headerOf(answer, "etag") });
      }
    } finally {
      await server.stop();
    }
  }
  const [first] = seen as [RightAnswer, ...RightAnswer[]];
  return { ...first, isStable: seen.every(({ bytes }) => bytes.equals(first.bytes)) };
}

/** Its bytes as on the wire; throws when it is wrong. */
export function inspected(answer: Answer, path: string, inspect: Inspect): Buffer {
  const { status, body } = answer;
  if (status !== 200) throw new Error(`${path} was answered ${status}`);
  if (body === null) throw new Error(`${path} was answered with more than can be inspected`);
  inspect(decoded(body, headerOf(answer, "content-encoding")));
  return body;
}

/** The subject as it is measured: every byte compared where that is possible. */
export function checked(subject: Subject, { bytes, isStable }: RightAnswer): Subject {
  return isStable ? { ...subject, answer: bytes } : subject;
}

export function isProjectPage({ listed }: Content): Inspect {
  return (body) => {
    const { files } = JSON.parse(body.toString()) as { files: { filename: string; hashes: { sha256?: string } }[] };
    const hashes = new Map(files.map(({ filename, hashes: { sha256 } }) => [filename, sha256]));
    const missing = listed.find(({ filename, sha256 }) => hashes.get(filename) !== sha256);
    if (missing !== undefined) throw new Error(`the page has not the sha256 of ${missing.filename}`);
    if (files.length !== listed.length) throw new Error(`the page has ${files.length} files, not ${listed.length}`);
  };
}

export function isList(nameCount: number): Inspect {
  return (body) => {
    const { projects } = JSON.parse(body.toString()) as { projects: { name: string }[] };
    if (projects.length < nameCount) throw new Error(`the list has ${projects.length} names, not ${nameCount}`);
  };
}

export function isFile(wanted: Buffer): Inspect {
  return (body) => {
    if (!body.equals(wanted)) throw new Error(`the file has ${body.length} bytes, and not those of upstream`);
  };
}

function headerOf({ rawHeaders }: Answer, name: string): string {
  const at = rawHeaders.findIndex((header, index) => index % 2 === 0 && header.toLowerCase() === name);
  return at === -1 ? "" : rawHeaders[at + 1]!;
}

function decoded(body: Buffer, coding: string): Buffer {
  switch (coding) {
    case "gzip":
      return gunzipSync(body);
    case "deflate":
      return inflateSync(body);
    case "br":
      return brotliDecompressSync(body);
    case "zstd":
      return zstdDecompressSync(body);
    default:
      return body;
  }
}
