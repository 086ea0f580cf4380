/**
 * Hello: the first bytes that a process sends on its socket, and what they say
 * about how it wants to be called (docs/process-protocol.md, "Being started").
 * Pure; told the bytes that have come so far. Exact: a word almost right is an
 * error that shows what came, because a guess would call it in the wrong way.
 */
import type { CallWay } from "../../../config/process-settings.ts";
import type { Hello } from "./launched.ts";

/** What is asked of a start: the way its settings name, any ("auto"), a fork server, or a process that an image is taken of. */
export type Expected = CallWay | "fork" | "template";

export type HelloReading =
  | { readonly state: "more" }
  | { readonly state: "said"; readonly way: Hello["way"]; readonly concurrency: number | null; readonly length: number }
  | { readonly state: "wrong"; readonly why: string };

const BARE = "READY";
/** "READY frames/1 65535\n" has 21. */
const LINE_MAX_BYTES = 64;
const CONCURRENCY_MAX = 65_535;
const VERSION = "1";
const SHOWN_MAX_BYTES = 48;
const FORMS = 'exactly READY, or "READY ring/1 N", "READY frames/1 N", "READY fork/1" or "READY snapshot/1" with a line feed behind it';

export function readHello(bytes: Buffer, expected: Expected): HelloReading {
  const text = bytes.toString("latin1", 0, LINE_MAX_BYTES + 1);
  if (text === BARE) return judged("http", null, bytes.length, expected);
  const lineEnd = text.indexOf("\n");
  if (lineEnd === -1) return isBeginning(text) ? { state: "more" } : wrong(bytes);
  const match = /^READY (?:(ring|frames)\/(\d{1,4}) (\d{1,5})|(fork|snapshot)\/(\d{1,4}))$/.exec(text.slice(0, lineEnd));
  if (match === null) return wrong(bytes);
  const way = (match[1] ?? match[4]) as Hello["way"];
  const version = match[2] ?? match[5];
  if (version !== VERSION)
    return { state: "wrong", why: `it wants version ${version} of ${way}, and this server speaks version ${VERSION}` };
  const concurrency = match[3] === undefined ? null : Number(match[3]);
  if (concurrency !== null && (concurrency < 1 || concurrency > CONCURRENCY_MAX))
    return { state: "wrong", why: `it says that it takes ${concurrency} calls at a time; 1 to ${CONCURRENCY_MAX} can be said` };
  return judged(way, concurrency, lineEnd + 1, expected);
}

/** What came before an end or a time-out, as it is shown in messages: "half a word" is told as such. */
export function shownBytes(bytes: Buffer): string {
  const shown = JSON.stringify(bytes.toString("latin1", 0, SHOWN_MAX_BYTES));
  return bytes.length > SHOWN_MAX_BYTES ? `${shown} and ${bytes.length - SHOWN_MAX_BYTES} bytes more` : shown;
}

function judged(way: Hello["way"], concurrency: number | null, length: number, expected: Expected): HelloReading {
  if (expected === "fork" && way !== "fork")
    return { state: "wrong", why: `it was to be a fork server (PILOTLIGHT_FORK), and says that it is called by ${way}` };
  if (expected !== "fork" && way === "fork") return { state: "wrong", why: "it says that it is a fork server, and was not to be one" };
  if (expected !== "template" && way === "snapshot")
    return { state: "wrong", why: "it says that it waits until its image is taken, and nobody was to take one" };
  if (expected === "template" && way !== "snapshot" && way !== "http")
    return { state: "wrong", why: `its client knows nothing of snapshots (PILOTLIGHT_SNAPSHOT): it says that it is called by ${way}` };
  if (expected !== "auto" && expected !== "template" && expected !== way && expected !== "stdio")
    return { state: "wrong", why: `it wants to be called by ${way}, and its settings say call: ${expected}` };
  return { state: "said", way, concurrency, length };
}

function isBeginning(text: string): boolean {
  if (text.length > LINE_MAX_BYTES) return false;
  return text.length < BARE.length ? BARE.startsWith(text) : text.startsWith(`${BARE} `);
}

function wrong(bytes: Buffer): HelloReading {
  return { state: "wrong", why: `it said ${shownBytes(bytes)} on its socket, where ${FORMS} is understood` };
}
