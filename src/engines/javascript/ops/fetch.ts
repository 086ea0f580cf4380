/**
 * The fetch operations: what a guest may ask of the network, checked before a
 * socket is opened. The work is OpenFetch's; here are the argument checks and
 * the handle's life.
 */

import { requireTarget } from "../../../host/outbound/fetch-target.ts";
import { BODY_MAX_BYTES, type FetchRequest, OpenFetch } from "../../../host/outbound/open-fetch.ts";
import { requireBytes, requireOneOf, requireRecord, requireString } from "./arguments.ts";
import { closeHandle, openHandle, useHandle } from "./handles.ts";
import { type AsyncOp, GuestFault, type OpContext, type SyncOp } from "./op.ts";

const URL_LENGTH_MAX = 64 * 1024;
const HEADERS_MAX_COUNT = 256;
const HEADERS_MAX_LENGTH = 64 * 1024;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: header values are checked for exactly these.
const FIELD_VALUE = /^[^\u0000\r\n\u0100-\uffff]*$/;

/** Fields that belong to the connection, or would let a guest speak for another host. */
const CONNECTION_FIELDS = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const open: SyncOp = (context, description) => {
  const fetch = new OpenFetch(context, requireFetch(context, description));
  const id = openHandle(context, fetch);
  fetch.onUnread = () => closeHandle(context, id);
  return id;
};

const response: AsyncOp = async (context, _callId, id) => {
  const fetch = useHandle(context, id, OpenFetch);
  try {
    const head = await fetch.head();
    if (head.body !== "stream") closeHandle(context, id);
    return head;
  } catch (error) {
    closeHandle(context, id);
    throw error;
  }
};

const read: AsyncOp = async (context, _callId, id) => {
  const fetch = useHandle(context, id, OpenFetch);
  try {
    const chunk = await fetch.read();
    if (chunk === null) closeHandle(context, id);
    return chunk;
  } catch (error) {
    closeHandle(context, id);
    throw error;
  }
};

const write: AsyncOp = async (context, _callId, id, chunk) =>
  useHandle(context, id, OpenFetch).write(chunk === null ? null : requireBytes(chunk, "chunk"));

const abort: SyncOp = (context, id) => closeHandle(context, id);

function requireFetch(context: OpContext, description: unknown): FetchRequest {
  const { url, method, headers, body, redirect, callId } = requireRecord(description, "request");
  const name = requireString(method, "method", 64);
  if (!TOKEN.test(name) || /^(?:connect|trace|track)$/i.test(name))
    throw new GuestFault("TypeError", `fetch: the method ${name} is refused`);
  return {
    target: requireTarget(context.allow, requireString(url, "url", URL_LENGTH_MAX)),
    method: name,
    headers: withTraceparent(requireHeaders(headers), typeof callId === "number" ? context.traceparent(callId) : null),
    body: body === null || body === "stream" ? body : requireBody(body),
    redirect: requireOneOf(redirect, "redirect", ["follow", "manual", "error"]),
  };
}

/** The caller's trace goes on, unless the function set a header of its own. */
function withTraceparent(headers: [string, string][], traceparent: string | null): [string, string][] {
  if (traceparent !== null && !headers.some(([name]) => name === "traceparent")) headers.push(["traceparent", traceparent]);
  return headers;
}

function requireBody(value: unknown): Uint8Array {
  const bytes = requireBytes(value, "body");
  if (bytes.byteLength > BODY_MAX_BYTES) throw new GuestFault("TypeError", `fetch: the request body exceeds ${BODY_MAX_BYTES} bytes`);
  return bytes;
}

function requireHeaders(value: unknown): [string, string][] {
  if (!Array.isArray(value) || value.length > HEADERS_MAX_COUNT) {
    throw new GuestFault("TypeError", `fetch: headers must be an array of at most ${HEADERS_MAX_COUNT} pairs`);
  }
  let length = 0;
  const headers: [string, string][] = [];
  for (const pair of value) {
    const [name, text] = Array.isArray(pair) ? pair : [];
    const key = requireString(name, "header name", HEADERS_MAX_LENGTH).toLowerCase();
    const field = requireString(text, "header value", HEADERS_MAX_LENGTH);
    if (!TOKEN.test(key) || !FIELD_VALUE.test(field))
      throw new GuestFault("TypeError", `fetch: the header ${JSON.stringify(key)} is not valid`);
    length += key.length + field.length;
    if (!CONNECTION_FIELDS.has(key)) headers.push([key, field]);
  }
  if (length > HEADERS_MAX_LENGTH) throw new GuestFault("TypeError", `fetch: headers may have ${HEADERS_MAX_LENGTH} characters`);
  return headers;
}

export const fetchSyncOps: readonly (readonly [string, SyncOp])[] = [
  ["fetch.open", open],
  ["fetch.abort", abort],
];

export const fetchAsyncOps: readonly (readonly [string, AsyncOp])[] = [
  ["fetch.response", response],
  ["fetch.read", read],
  ["fetch.write", write],
];
