/**
 * Reads a recording that may come from anybody, in any state: every field is
 * looked at before it is believed, and what is wrong is said with its place.
 */
import { fail, ok, type Result } from "../../../base/result.ts";
import { GIB, HOUR_MS } from "../../../base/units.ts";
import { RECORDING_FORMAT, type RecordedCall, type Recording } from "./recording.ts";

/** More than a recorder writes: a body, an output and a tape, each at its largest. */
export const RECORDING_MAX_BYTES = 256 * 1024 * 1024;

const LIMIT_MAX_BYTES = 4 * GIB;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const CONTRACTS: readonly unknown[] = ["gojinn", "cgi", "command"];
const START_MODES: readonly unknown[] = ["instance", "reset", "checkpoint"];
const ENDS: readonly unknown[] = [0, 1, 2, 3, null];

class Damaged extends Error {}

type Check = (value: unknown) => boolean;
type Shape = { readonly [key: string]: Check | Shape };

const isText: Check = (value) => typeof value === "string";
const isBoolean: Check = (value) => typeof value === "boolean";
const isWhole: Check = (value) => Number.isSafeInteger(value);
const isBase64: Check = (value) => value === null || (typeof value === "string" && value.length % 4 === 0 && BASE64.test(value));
const isUpTo =
  (most: number): Check =>
  (value) =>
    typeof value === "number" && value >= 0 && value <= most;
const isOneOf =
  (known: readonly unknown[]): Check =>
  (value) =>
    known.includes(value);
const isListOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);

const isCall: Check = (value) => {
  const { operation, digest, result, bytes, number } = (value ?? {}) as Partial<RecordedCall>;
  return (
    (isText(operation) || isWhole(operation)) &&
    isText(digest) &&
    (result === null || isWhole(result)) &&
    isBase64(bytes) &&
    isWhole(number)
  );
};
const isFailure: Check = (value) => {
  const { code, message } = (value ?? {}) as Record<string, unknown>;
  return value === null || (isText(code) && isText(message));
};

const SHAPE: Shape = {
  pilotlight: isText,
  functionId: isText,
  requestId: isText,
  recordedAt: isText,
  // It becomes part of a path.
  module: (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value),
  startMode: isOneOf(START_MODES),
  waits: isBoolean,
  contract: isOneOf(CONTRACTS),
  limits: { memoryMaxBytes: isUpTo(LIMIT_MAX_BYTES), timeoutMs: isUpTo(HOUR_MS * 24), outputMaxBytes: isUpTo(LIMIT_MAX_BYTES) },
  folders: isListOf(isText),
  request: {
    method: isText,
    target: isText,
    headerBlock: isText,
    host: isText,
    secure: isBoolean,
    remoteAddress: isText,
    body: isBase64,
  },
  env: (value) => typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(isText),
  preparation: isListOf(isCall),
  calls: isListOf(isCall),
  isCut: isBoolean,
  tookMs: isUpTo(HOUR_MS * 24),
  outcome: { ended: isOneOf(ENDS), exitCode: isWhole, stdout: isBase64, stderr: isText, failure: isFailure },
};

export function parseRecording(text: string, file: string): Result<Recording> {
  const at = { file };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail({
      code: "RECORDING_DAMAGED",
      message: `Cannot read the recording: it is no JSON (${(error as Error).message})`,
      hint: "Give a file that `pilotlight serve --record DIR` wrote, whole",
      at,
    });
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (Number.isInteger(format) && format !== RECORDING_FORMAT) {
    return fail({
      code: "RECORDING_FORMAT",
      message: `Cannot replay the recording: it has format ${format as number}, and this version reads ${RECORDING_FORMAT}`,
      hint: "Replay it with the version of pilotlight that it names",
      at,
    });
  }
  try {
    check(value, { ...SHAPE, format: isWhole }, "");
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    return fail({
      code: "RECORDING_DAMAGED",
      message: `Cannot read the recording: ${error.message}`,
      hint: "Give a file that `pilotlight serve --record DIR` wrote, unchanged",
      at,
    });
  }
  const recording = value as Recording;
  if (!recording.isCut) return ok(recording);
  return fail({
    code: "RECORDING_CUT",
    message: "Cannot replay the recording: the request needed more than a recording holds",
    hint: "Record a request that asks the host for less; docs/record-replay.md has the bounds",
    at,
  });
}

function check(value: unknown, shape: Shape, path: string): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Damaged(`${path || "it"} is no object`);
  for (const [key, rule] of Object.entries(shape)) {
    const place = path === "" ? key : `${path}.${key}`;
    if (!Object.hasOwn(value, key)) throw new Damaged(`${place} is missing`);
    const field = (value as Record<string, unknown>)[key];
    if (typeof rule !== "function") check(field, rule, place);
    else if (!rule(field)) throw new Damaged(`${place} has no value that it may have`);
  }
}
