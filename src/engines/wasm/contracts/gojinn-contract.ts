/**
 * Gojinn's contract: one JSON object on standard input, one on standard output
 * (gojinn handler.go). In: method, uri, headers (lists), body. Out: status,
 * headers (lists or strings), body. Output that is no such object, or has no
 * status, is the body of a 200, as there. What Gojinn lacks: a body that is no
 * UTF-8 comes, and may be given back, as `body_base64`.
 */
import { isUtf8 } from "node:buffer";
import { RecentMap } from "../../../base/recent-map.ts";
import type { Exchange } from "../../../http/exchange.ts";
import { type Answer, isHeader, isStatus } from "../../contracts/answer.ts";
import { rawAnswer } from "../../contracts/raw-answer.ts";
import type { CallFailure } from "../../engine.ts";
import type { RequestContract } from "./contract.ts";

export const gojinnContract: RequestContract = {
  name: "gojinn",
  environIsRequest: false,
  input: requestJson,
  environ: () => "",
  answer: answerOf,
};

/** Clients send the same headers over and over: their JSON is kept for the blocks seen last. */
const KEPT_BLOCKS = 64;
const KEPT_BLOCK_MAX_CHARS = 4_096;
const keptHeaders = new RecentMap<string, string>({ countMax: KEPT_BLOCKS });

function requestJson(exchange: Exchange, body: Uint8Array | null): string {
  const head = `{"method":${JSON.stringify(exchange.method)},"uri":${JSON.stringify(exchange.target)},"headers":${headersJson(exchange.headerBlock)}`;
  if (body === null) return `${head},"body":""}`;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (isUtf8(bytes)) return `${head},"body":${JSON.stringify(bytes.toString("utf8"))}}`;
  return `${head},"body":"","body_base64":"${bytes.toString("base64")}"}`;
}

function headersJson(block: string): string {
  const kept = keptHeaders.peek(block);
  if (kept !== undefined) return kept;
  const headers: Record<string, string[]> = Object.create(null);
  for (const line of block.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = canonicalName(line.slice(0, colon));
    headers[name] = [...(headers[name] ?? []), line.slice(colon + 1).trim()];
  }
  const json = JSON.stringify(headers);
  if (block.length <= KEPT_BLOCK_MAX_CHARS) keptHeaders.set(block, json);
  return json;
}

/** As Go writes them ("content-type" -> "Content-Type"): what Gojinn's guests look for. */
function canonicalName(name: string): string {
  return name.toLowerCase().replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}

interface GuestAnswer {
  readonly status?: unknown;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly body_base64?: unknown;
}

function answerOf(stdout: Buffer): Answer | CallFailure {
  let value: GuestAnswer | null;
  try {
    value = JSON.parse(stdout.toString("utf8")) as GuestAnswer | null;
  } catch {
    return rawAnswer(stdout);
  }
  // As in Go, where null leaves a field as it is.
  if (typeof value !== "object" || value === null || (value.status ?? 0) === 0) return rawAnswer(stdout);
  const { status, headers } = value;
  const body = value.body ?? "";
  const base64 = value.body_base64 ?? null;
  if (!isStatus(status)) return invalid(`its status is ${JSON.stringify(status)}, not a number from 200 to 599`);
  if (typeof body !== "string") return invalid("its body is no string");
  if (base64 !== null && typeof base64 !== "string") return invalid("its body_base64 is no string");
  const headerLines = linesOf(headers);
  if (typeof headerLines !== "string") return headerLines;
  if (base64 === null) return { status, headerLines, body };
  const bytes = Buffer.from(base64, "base64");
  if (bytes.length !== decodedLength(base64)) return invalid("its body_base64 is not base64");
  return { status, headerLines, body: bytes };
}

/** Of base64 without anything foreign, which Node's decoder would leave out without a word. */
function decodedLength(base64: string): number {
  let end = base64.length;
  while (end > base64.length - 2 && base64[end - 1] === "=") end--;
  return Math.floor((end * 3) / 4);
}

function linesOf(headers: unknown): string | CallFailure {
  if (headers === undefined || headers === null) return "";
  if (typeof headers !== "object" || Array.isArray(headers)) return invalid(NO_HEADERS);
  let lines = "";
  for (const [name, value] of Object.entries(headers as Record<string, unknown>)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (typeof one !== "string") return invalid(NO_HEADERS);
      if (!isHeader(name, one)) return invalid(`its header ${JSON.stringify(name.slice(0, 80))} has characters that no header may have`);
      lines += `${name}: ${one}\r\n`;
    }
  }
  return lines;
}

const NO_HEADERS = "its headers are not an object of strings or lists of strings";

function invalid(why: string): CallFailure {
  return { code: "INVALID_ANSWER", message: `The function's answer can't be sent: ${why}` };
}
