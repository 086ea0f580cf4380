/**
 * Admin API: metrics, lists, logs, profiles and reload over HTTP, on an address
 * of its own; nothing of it is ever on the public port. Loaded after the
 * workers listen. Runs in the supervisor, so no answer may take it long.
 *   GET  /metrics  /v1/health  /v1/functions  /v1/stats  /v1/logs?function=&follow=1
 *   GET  /v1/jobs?state=&function=&topic=&limit=&before=  /v1/jobs/show?id=
 *   POST /v1/jobs/replay?id= or ?dead=1  /v1/jobs/drop?id= or ?dead=1
 *   POST /v1/reload  /v1/profile?function=&kind=cpu|heap&seconds=
 * Errors are { error: { code, message, hint } }.
 */
import { readFileSync } from "node:fs";
import type { Server as HttpServer, IncomingMessage, RequestListener, ServerOptions, ServerResponse } from "node:http";
import { builtin } from "../base/builtin.ts";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { AdminConfig, TlsConfig } from "../config/config.ts";
import { listenTarget } from "../http/listen-target.ts";
import { PROMETHEUS_CONTENT_TYPE } from "../telemetry/prometheus.ts";
import { createGuard } from "./admin-guard.ts";
import { streamLogs } from "./admin-logs.ts";
import { JOB_ROUTES } from "./jobs/job-routes.ts";
import { Operator } from "./operator.ts";
import { formatAddress } from "./port-probe.ts";
import type { Supervisor } from "./supervisor.ts";

export interface AdminServer {
  readonly url: string;
  close(): void;
}

const CONNECTIONS_MAX = 256;
const REQUEST_TIMEOUT_MS = 10_000;
const PROFILE_DEFAULT_SECONDS = 10;
const PROFILE_MAX_SECONDS = 120;

/** Answers, or says why not. */
type Handler = (request: {
  readonly query: URLSearchParams;
  readonly response: ServerResponse;
}) => Promise<Failure | null> | Failure | null;

export async function openAdmin(supervisor: Supervisor, config: AdminConfig): Promise<Result<AdminServer>> {
  const routes = createRoutes(supervisor);
  const guard = createGuard(config);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = guard(request.headers);
    if (refusal !== null) return sendError(response, refusal.status, refusal);
    const url = URL.parse(`http://admin${request.url}`);
    const methods = routes[url?.pathname ?? ""];
    if (url === null || methods === undefined) {
      return sendError(response, 404, {
        code: "ADMIN_UNKNOWN",
        message: "No such path",
        hint: `There are: ${Object.keys(routes).join(" ")}`,
      });
    }
    const handler = methods[request.method === "HEAD" ? "GET" : (request.method ?? "")];
    if (handler === undefined) {
      const allowed = Object.keys(methods).join(", ");
      response.setHeader("allow", allowed);
      return sendError(response, 405, { code: "ADMIN_METHOD", message: `${url.pathname} takes ${allowed}` });
    }
    const failure = await handler({ query: url.searchParams, response });
    if (failure !== null) sendError(response, statusOf(failure), failure);
  }

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    // Bodies are not used; unread ones would keep the connection from its next request.
    request.resume();
    answer(request, response).catch((error: Error) => {
      supervisor.record("error", `The admin API failed: ${error.message}`, { stack: error.stack });
      sendError(response, 500, { code: "ADMIN_FAILED", message: "The server failed to answer; its log says why" });
    });
  };
  try {
    const options = { headersTimeout: REQUEST_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS };
    const server = config.tls === null ? builtin.http.createServer(options, listener) : tlsServer(options, config.tls, listener);
    server.maxConnections = CONNECTIONS_MAX;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(listenTarget(config), resolve);
    });
    const { port } = server.address() as { port: number };
    return ok({
      url: `${config.tls === null ? "http" : "https"}://${formatAddress(config.host, port)}`,
      close() {
        server.close();
        server.closeAllConnections();
      },
    });
  } catch (error) {
    return fail({
      code: "ADMIN_UNAVAILABLE",
      message: `Cannot open the admin address ${formatAddress(config.host, config.port)}: ${(error as Error).message}`,
      hint: "Give another with --admin HOST:PORT, or none with --admin off",
    });
  }
}

function createRoutes(supervisor: Supervisor): Record<string, Record<string, Handler>> {
  const operator = new Operator(supervisor);
  const json =
    (make: () => Promise<unknown>): Handler =>
    async ({ response }) => {
      send(response, 200, "application/json; charset=utf-8", `${JSON.stringify(await make())}\n`);
      return null;
    };
  return {
    ...jobRoutes(supervisor),
    "/metrics": {
      async GET({ response }) {
        send(response, 200, PROMETHEUS_CONTENT_TYPE, await operator.metrics());
        return null;
      },
    },
    "/v1/health": {
      GET: json(async () => ({ status: "ok", pid: process.pid, version: supervisor.live.current.version, url: supervisor.addresses.url })),
    },
    "/v1/functions": { GET: json(async () => ({ functions: await operator.functions() })) },
    "/v1/stats": { GET: json(() => operator.stats()) },
    "/v1/logs": {
      GET({ query, response }) {
        return streamLogs(supervisor.logs.ring, response, query.get("function"), isOn(query.get("follow")));
      },
    },
    "/v1/reload": {
      async POST({ response }) {
        const reloaded = await supervisor.reload();
        if (!reloaded.ok) return reloaded.failure[0] ?? null;
        const { version, functions } = supervisor.live.current;
        send(response, 200, "application/json; charset=utf-8", `${JSON.stringify({ version, functions: functions.length })}\n`);
        return null;
      },
    },
    "/v1/profile": {
      async POST({ query, response }) {
        const functionId = query.get("function") ?? "";
        const kind = query.get("kind") ?? "cpu";
        const seconds = Number(query.get("seconds") ?? PROFILE_DEFAULT_SECONDS);
        if (kind !== "cpu" && kind !== "heap") return badQuery("kind must be cpu or heap");
        if (!(seconds > 0 && seconds <= PROFILE_MAX_SECONDS)) return badQuery(`seconds must be above 0 and at most ${PROFILE_MAX_SECONDS}`);
        const profile = await operator.profile({ functionId, kind, durationMs: seconds * 1_000 });
        if (!profile.ok) return profile.failure;
        send(response, 200, "application/json; charset=utf-8", profile.value);
        return null;
      },
    },
  };
}

function jobRoutes({ jobs }: Supervisor): Record<string, Record<string, Handler>> {
  const handler =
    (answer: (query: URLSearchParams) => Promise<Result<unknown>>): Handler =>
    async ({ query, response }) => {
      const answered = await answer(query);
      if (!answered.ok) return answered.failure;
      send(response, 200, "application/json; charset=utf-8", `${JSON.stringify(answered.value)}\n`);
      return null;
    };
  const routes = Object.entries(JOB_ROUTES).map(([path, methods]) => [
    path,
    Object.fromEntries(Object.entries(methods(jobs.desk)).map(([method, answer]) => [method, handler(answer)])),
  ]);
  return Object.fromEntries(routes);
}

function isOn(value: string | null): boolean {
  return value !== null && value !== "0" && value !== "false";
}

function badQuery(message: string): Failure {
  return { code: "ADMIN_QUERY", message };
}

function statusOf(failure: Failure): number {
  if (failure.code === "ADMIN_QUERY") return 400;
  if (failure.code === "FUNCTION_UNKNOWN" || failure.code === "JOB_UNKNOWN") return 404;
  return ["PROFILE_FAILED", "LOG_FOLLOWERS_FULL", "BUSY", "STOPPING", "STORAGE_FULL", "STORAGE_FAILED"].includes(failure.code) ? 503 : 409;
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  if (response.headersSent) return;
  response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(body), "cache-control": "no-store" });
  response.end(body);
}

function sendError(response: ServerResponse, status: number, failure: Pick<Failure, "code" | "message" | "hint">): void {
  if (status === 401) response.setHeader("www-authenticate", 'Bearer realm="pilotlight"');
  const { code, message, hint } = failure;
  send(response, status, "application/json; charset=utf-8", `${JSON.stringify({ error: { code, message, hint } })}\n`);
}

function tlsServer(options: ServerOptions, { certFile, keyFile }: TlsConfig, listener: RequestListener): HttpServer {
  return builtin.https.createServer({ ...options, cert: readFileSync(certFile), key: readFileSync(keyFile) }, listener);
}
