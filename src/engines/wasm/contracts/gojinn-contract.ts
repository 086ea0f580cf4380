/**
 * Gojinn's contract: one JSON object on standard input, one on standard output
 * (gojinn handler.go). In: method, uri, headers (lists), body. Out: status,
 * headers (lists or strings), body. Output that is no such object, or has no
 * status, is the body of a 200, as there. What Gojinn lacks: a body that is no
 * UTF-8 comes, and may be given back, as `body_base64`.
 */
import { isUtf8 } from "node:buffer";
import type { Exchange } from "../../../http/exchange.ts";
import type { CallFailure } from "../../engine.ts";
import { rawAnswer } from "./command-contract.ts";
import { type Answer, isStatus, type RequestContract } from "./contract.ts";

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
const keptHeaders = new Map<string, string>();

function requestJson(exchange: Exchange, body: Uint8Array | null): string {
  const head = `{"method":${JSON.stringify(exchange.method)},"uri":${JSON.stringify(exchange.target)},"headers":${headersJson(exchange.headerBlock)}`;
  if (body === null) return `${head},"body":""}`;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (isUtf8(bytes)) return `${head},"body":${JSON.stringify(bytes.toString("utf8"))}}`;
  return `${head},"body":"","body_base64":"${bytes.toString("base64")}"}`;
}

function headersJson(block: string): string {
  const kept = keptHeaders.get(block);
  if (kept !== undefined) return kept;
  const headers: Record<string, string[]> = Object.create(null);
  for (const line of block.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = canonicalName(line.slice(0, colon));
    headers[name] = [...(headers[name] ?? []), line.slice(colon + 1).trim()];
  }
  const json = JSON.stringify(headers);
  if (block.length <= KEPT_BLOCK_MAX_CHARS) {
    if (keptHeaders.size >= KEPT_BLOCKS) keptHeaders.clear();
    keptHeaders.set(block, json);
  }
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
  if (typeof value !== "object" || value === null || value.status === undefined || value.status === 0) return rawAnswer(stdout);
  const { status, headers, body = "", body_base64: base64 } = value;
  if (!isStatus(status)) return invalid(`its status is ${JSON.stringify(status)}, not a number from 200 to 599`);
  if (typeof body !== "string") return invalid("its body is no string");
  if (base64 !== undefined && typeof base64 !== "string") return invalid("its body_base64 is no string");
  const headerLines = linesOf(headers);
  if (headerLines === null) return invalid("its headers are not an object of strings or lists of strings");
  return { status, headerLines, body: base64 === undefined ? body : Buffer.from(base64, "base64") };
}

function linesOf(headers: unknown): string | null {
  if (headers === undefined || headers === null) return "";
  if (typeof headers !== "object" || Array.isArray(headers)) return null;
  let lines = "";
  for (const [name, value] of Object.entries(headers as Record<string, unknown>)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (typeof one !== "string") return null;
      lines += `${name}: ${one}\r\n`;
    }
  }
  return lines;
}

function invalid(why: string): CallFailure {
  return { code: "INVALID_ANSWER", message: `The function's answer can't be sent: ${why}` };
}
