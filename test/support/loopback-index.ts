/**
 * Upstreams on free loopback ports for the tests of the mirror's requests: one
 * that speaks HTTP and one that says whatever bytes a test likes. And an
 * upstream client over them, whose waits take no time and are written down.
 */
import { once } from "node:events";
import { createServer as createHttp, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from "node:net";
import type { IndexConfig, UpstreamConfig } from "../../src/config/mirror-config.ts";
import type { UpstreamFailure } from "../../src/mirror/failures.ts";
import { openUpstream, type UpstreamOptions } from "../../src/mirror/upstream/open-upstream.ts";
import type { Upstream, UpstreamAnswer, UpstreamRequest } from "../../src/mirror/upstream/upstream.ts";

export interface Loopback extends AsyncDisposable {
  /** "http://127.0.0.1:port" */
  readonly origin: string;
  readonly port: number;
  /** Of all requests so far, oldest first. Empty for raw servers. */
  readonly requests: readonly IncomingMessage[];
  /** Connections that were accepted. */
  readonly connectionCount: number;
}

export function httpIndex(onRequest: RequestListener): Promise<Loopback> {
  const requests: IncomingMessage[] = [];
  const server = createHttp((request, response) => {
    requests.push(request);
    onRequest(request, response);
  });
  return listening(server, "http", requests);
}

export function httpsIndex(pair: { readonly cert: string; readonly key: string }, onRequest: RequestListener): Promise<Loopback> {
  const requests: IncomingMessage[] = [];
  const server = createHttps(pair, (request, response) => {
    requests.push(request);
    onRequest(request, response);
  });
  return listening(server, "https", requests);
}

/** `onHead` is called when a connection has sent the head of a request, `onConnect` before. */
export function rawIndex(
  onHead: (socket: Socket, head: string) => void,
  onConnect: (socket: Socket) => void = () => {},
): Promise<Loopback> {
  const server = createTcp((socket) => {
    onConnect(socket);
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end === -1) return;
      const head = text.slice(0, end);
      text = text.slice(end + 4);
      onHead(socket, head);
    });
  });
  return listening(server, "http", []);
}

async function listening(server: Server, scheme: string, requests: readonly IncomingMessage[]): Promise<Loopback> {
  const sockets = new Set<Socket>();
  let connectionCount = 0;
  server.on("connection", (socket: Socket) => {
    connectionCount++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${scheme}://127.0.0.1:${port}`,
    port,
    requests,
    get connectionCount() {
      return connectionCount;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

export const UPSTREAM: UpstreamConfig = {
  connectTimeoutMs: 2_000,
  readTimeoutMs: 5_000,
  retriesMax: 0,
  retryDelayMs: 100,
  downloadsMax: 8,
  parallelRanges: 1,
  caFile: null,
  verifyTls: true,
  offline: false,
  staleIfErrorMs: 0,
  negativeTtlMs: 0,
  pageMaxBytes: 1 << 20,
  listMaxBytes: 1 << 20,
  fileMaxBytes: 1 << 30,
};

export interface Client extends AsyncDisposable {
  readonly upstream: Upstream;
  /** How long each retry would have waited. */
  readonly sleptMs: readonly number[];
  readonly logged: readonly string[];
  nowMs: number;
  /** Asks index-1; a path is one below `origin`. */
  get(pathOrUrl: string, more?: Partial<UpstreamRequest>): ReturnType<Upstream["request"]>;
}

/** A client of "index-1", at `origin` with "/simple/". */
export function clientOf(
  origin: string,
  upstream: Partial<UpstreamConfig> = {},
  more: Partial<UpstreamOptions> & { readonly auth?: IndexConfig["auth"] } = {},
): Client {
  const sleptMs: number[] = [];
  const logged: string[] = [];
  const { auth = null, ...options } = more;
  const opened = openUpstream({
    indexes: [{ name: "index-1", url: `${origin}/simple/`, ttlMs: 0, auth }],
    upstream: { ...UPSTREAM, ...upstream },
    log: (level, message, fields) => logged.push(`${level}: ${message} ${JSON.stringify(fields ?? {})}`),
    nowMs: () => client.nowMs,
    sleep: async (ms) => {
      sleptMs.push(ms);
      client.nowMs += ms;
    },
    random: () => 0.999_999,
    env: {},
    ...options,
  });
  const client: Client = {
    upstream: opened,
    sleptMs,
    logged,
    nowMs: Date.UTC(2026, 10, 21),
    get: (pathOrUrl, request = {}) =>
      opened.request({
        method: "GET",
        index: "index-1",
        url: pathOrUrl.startsWith("/") ? `${origin}${pathOrUrl}` : pathOrUrl,
        headers: {},
        ...request,
      }),
    [Symbol.asyncDispose]: () => opened.close(),
  };
  return client;
}

export async function answerOf(asked: ReturnType<Upstream["request"]>): Promise<UpstreamAnswer> {
  const answer = await asked;
  if (!answer.ok) throw new Error(`an answer was expected: ${JSON.stringify(answer.failure)}`);
  return answer.value;
}

export async function failureOf(asked: ReturnType<Upstream["request"]>): Promise<UpstreamFailure> {
  const answer = await asked;
  if (answer.ok) throw new Error(`a failure was expected: ${answer.value.status}`);
  return answer.failure;
}

export async function textOf(answer: UpstreamAnswer): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
