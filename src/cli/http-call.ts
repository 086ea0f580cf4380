/**
 * One HTTP call, as it is written and as it comes back: no redirect followed,
 * nothing decompressed, repeated headers kept. What `invoke` and `test` need
 * and fetch hides.
 */
import { type IncomingMessage, request } from "node:http";

export interface OutgoingCall {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | null;
}

export interface CallAnswer {
  readonly status: number;
  readonly statusText: string;
  /** Names as sent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Chunks as they arrive. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** Rejects when no answer comes: the connection broke, or what was written is no valid request. */
export function httpCall(address: ServerAddress, call: OutgoingCall, timeoutMs: number): Promise<CallAnswer> {
  return new Promise((resolve, reject) => {
    const given = new Set(call.headers.map(([name]) => name.toLowerCase()));
    const bodyLength = call.body?.byteLength ?? 0;
    const needsLength = !given.has("content-length") && !given.has("transfer-encoding") && (bodyLength > 0 || call.body !== null);
    const headers = [
      ...(given.has("host") ? [] : ["Host", `${address.host}:${address.port}`]),
      ...call.headers.flat(),
      ...(needsLength ? ["Content-Length", String(bodyLength)] : []),
      ...(given.has("connection") ? [] : ["Connection", "close"]),
    ];
    const outgoing = request({ ...address, method: call.method, path: call.target, headers, agent: false, setHost: false });
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    outgoing.once("error", reject);
    outgoing.once("response", (response) => resolve(toAnswer(response)));
    outgoing.end(call.body ?? undefined);
  });
}

function toAnswer(response: IncomingMessage): CallAnswer {
  const pairs: [string, string][] = [];
  for (let index = 0; index < response.rawHeaders.length; index += 2)
    pairs.push([response.rawHeaders[index]!, response.rawHeaders[index + 1]!]);
  return { status: response.statusCode ?? 0, statusText: response.statusMessage ?? "", headers: pairs, body: response };
}

export async function readWhole(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
