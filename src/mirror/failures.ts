/**
 * Failures of the mirror: expected, as values that carry the facts, and the
 * one place that turns each into a status, a message and a hint. No address
 * of an upstream appears in them with its credentials: addresses are those of
 * the configuration, from which credentials were taken out.
 */
import type { StoreFault } from "../store/store-fault.ts";

export type UpstreamFailure =
  | { readonly code: "UPSTREAM_UNREACHABLE"; readonly url: string; readonly reason: string }
  | { readonly code: "UPSTREAM_TIMEOUT"; readonly url: string; readonly timeoutMs: number }
  | { readonly code: "UPSTREAM_STATUS"; readonly url: string; readonly status: number; readonly retryAfterMs: number | null }
  | { readonly code: "UPSTREAM_REDIRECTS"; readonly url: string; readonly reason: string }
  | { readonly code: "UPSTREAM_TOO_LARGE"; readonly url: string; readonly maxBytes: number }
  | { readonly code: "UPSTREAM_MALFORMED"; readonly url: string; readonly reason: string }
  | { readonly code: "UPSTREAM_TRUNCATED"; readonly url: string; readonly gotBytes: number; readonly wantedBytes: number | null }
  | {
      readonly code: "UPSTREAM_DIGEST_MISMATCH";
      readonly url: string;
      readonly algorithm: string;
      readonly wanted: string;
      readonly got: string;
    }
  | { readonly code: "UPSTREAM_SIZE_MISMATCH"; readonly url: string; readonly wantedBytes: number; readonly gotBytes: number };

export type MirrorFailure =
  | UpstreamFailure
  | { readonly code: "NO_SUCH_PROJECT"; readonly project: string }
  | { readonly code: "NO_SUCH_FILE"; readonly project: string; readonly filename: string }
  /** Of the folder of packages: not the one whose hash its page tells. */
  | { readonly code: "FILE_CHANGED"; readonly filename: string }
  | { readonly code: "OFFLINE"; readonly what: string }
  /** Asked to forget what could not be had again. */
  | { readonly code: "OFFLINE_KEEPS"; readonly what: string }
  | { readonly code: "LAST_COPY"; readonly what: string; readonly reason: string }
  /** `filename` is null for all that a project has. */
  | {
      readonly code: "HIDDEN_BY_POLICY";
      readonly project: string;
      readonly filename: string | null;
      readonly rule: string;
      readonly reason: string;
    }
  /** A mistake of ours: the message is the log's. */
  | { readonly code: "INTERNAL"; readonly message: string }
  | StoreFault;

export interface FailureText {
  readonly status: number;
  readonly message: string;
  readonly hint: string;
}

const LOSE_IT = "DELETE with ?force loses it";

/** What a client is told. */
export function explainFailure(failure: MirrorFailure): FailureText {
  switch (failure.code) {
    case "UPSTREAM_UNREACHABLE":
      return {
        status: 502,
        message: `Cannot fetch ${failure.url}: ${failure.reason}`,
        hint: "Check the index address and the way to it; what is cached goes on being served",
      };
    case "UPSTREAM_TIMEOUT":
      return {
        status: 504,
        message: `Cannot fetch ${failure.url}: no answer within ${failure.timeoutMs} ms`,
        hint: "Raise --read-timeout, or check the way to the index",
      };
    case "UPSTREAM_STATUS":
      if (failure.status === 404 || failure.status === 410) {
        return {
          status: 404,
          message: `The index lists ${failure.url} and does not have it (${failure.status})`,
          hint: "Its page may be out of date: DELETE /cache/{project} asks for it anew",
        };
      }
      return {
        status: failure.status === 429 || failure.status === 503 ? 503 : 502,
        message: `Cannot fetch ${failure.url}: the index answered ${failure.status}`,
        hint: failure.status === 401 || failure.status === 403 ? "Check the credentials of this index" : "Try again later",
      };
    case "UPSTREAM_REDIRECTS":
      return { status: 502, message: `Cannot fetch ${failure.url}: ${failure.reason}`, hint: "Check the index address" };
    case "UPSTREAM_TOO_LARGE":
      return {
        status: 502,
        message: `Cannot take ${failure.url}: it is larger than ${failure.maxBytes} bytes`,
        hint: "Raise the limit in pilotlight.yaml if that is right",
      };
    case "UPSTREAM_MALFORMED":
      return {
        status: 502,
        message: `Cannot use the answer of ${failure.url}: ${failure.reason}`,
        hint: "Check that the address is that of a simple index",
      };
    case "UPSTREAM_TRUNCATED":
      return {
        status: 502,
        message: `Cannot complete ${failure.url}: the index sent ${failure.gotBytes} of ${failure.wantedBytes ?? "an unknown number of"} bytes`,
        hint: "Nothing was kept of it; try again",
      };
    case "UPSTREAM_DIGEST_MISMATCH":
      return {
        status: 502,
        message: `Refused ${failure.url}: its ${failure.algorithm} is ${failure.got}, the index promised ${failure.wanted}`,
        hint: "Nothing was kept of it; tell whoever runs the index",
      };
    case "UPSTREAM_SIZE_MISMATCH":
      return {
        status: 502,
        message: `Refused ${failure.url}: it has ${failure.gotBytes} bytes, the index promised ${failure.wantedBytes}`,
        hint: "Nothing was kept of it; tell whoever runs the index",
      };
    case "NO_SUCH_PROJECT":
      return { status: 404, message: `No index has a project "${failure.project}"`, hint: "Check the name" };
    case "NO_SUCH_FILE":
      return {
        status: 404,
        message: missingText(failure.project, failure.filename),
        hint: "Check the name; its page lists what there is",
      };
    case "FILE_CHANGED":
      return {
        status: 503,
        message: `"${failure.filename}" has just changed in the folder of packages`,
        hint: "Ask for its page again, then for the file",
      };
    case "OFFLINE":
      return {
        status: 504,
        message: `Cannot fetch ${failure.what}: the mirror is offline and has no copy`,
        hint: "Start it without --offline, or import a bundle that holds it",
      };
    case "OFFLINE_KEEPS":
      return {
        status: 409,
        message: `Cannot forget ${failure.what}: the mirror is offline and could not fetch it again`,
        hint: `Start it without --offline first. ${LOSE_IT}`,
      };
    case "LAST_COPY":
      return {
        status: 409,
        message: `Cannot forget ${failure.what}: this copy may be the last. ${failure.reason}`,
        hint: `Try again when its index gives it. ${LOSE_IT}`,
      };
    case "HIDDEN_BY_POLICY":
      return {
        // For a page that is forbidden uv says to check the credentials, and not the reason that it was given.
        status: failure.filename === null ? 451 : 403,
        message: `"${failure.filename ?? failure.project}" is withheld: ${failure.reason}`,
        hint: `See /explain/${failure.project}`,
      };
    case "INTERNAL":
      return { status: 500, message: "The mirror failed to answer", hint: "Its log says why" };
    case "STOPPING":
      return { status: 503, message: "The mirror is stopping", hint: "Try again shortly" };
    case "BUSY":
    case "STORAGE_FULL":
    case "STORAGE_FAILED":
      // The store's message names paths of this machine: the log has it.
      return {
        status: failure.code === "BUSY" ? 503 : 500,
        message: failure.code === "STORAGE_FULL" ? "The mirror's disk is full" : "The mirror's store failed",
        hint: "See the mirror's log",
      };
  }
}

/** What lies beside a file is asked for by whoever has the file: it is told apart from a name that is wrong. */
function missingText(project: string, filename: string): string {
  const what = Object.entries(COMPANIONS).find(([suffix]) => filename.endsWith(suffix));
  if (what === undefined) return `The project "${project}" has no file "${filename}"`;
  return `The project "${project}" has no ${what[1]} "${filename}": there is no such file, or its index tells of no ${what[1]} of it`;
}

const COMPANIONS = { ".metadata": "metadata", ".provenance": "provenance", ".asc": "signature" } as const;

export function isUpstreamFailure(failure: MirrorFailure): failure is UpstreamFailure {
  return failure.code.startsWith("UPSTREAM_");
}

/** May the same request succeed a moment later? What these say of the world can change by itself. */
export function isPassing(failure: UpstreamFailure): boolean {
  switch (failure.code) {
    case "UPSTREAM_UNREACHABLE":
    case "UPSTREAM_TIMEOUT":
    case "UPSTREAM_TRUNCATED":
      return true;
    case "UPSTREAM_STATUS":
      return failure.status === 408 || failure.status === 425 || failure.status === 429 || failure.status >= 500;
    default:
      return false;
  }
}
