/**
 * A scripted worker for tests of the supervisor: speaks the real messages,
 * binds the real listener, writes the real flight record, and does what the
 * request path says instead of running functions:
 *   /pid  /version  /placements  /env  /config  /build/ID    say something
 *   /slow/MS                                    answers later
 *   /die/SIGNAL/ID    /exit/CODE                dies (ID is in the flight record)
 *   /hang/ID  /hang                             blocks the loop for good (in a turn of ID, or in none)
 *   /turn/ID                                    a turn in the thread lane that goes on for good
 *   /wake/ID  /cleared/ID  /runaway/ID  /fat/BYTES    sends a message
 *   /next/later/MS  /next/SIGNAL                serves the next deployment so much later, or dies of it
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { createFlightRecord, type FlightRecord } from "../../src/serve/flight-record.ts";
import type { BundleRef, Deployment } from "../../src/serve/function-spec.ts";
import type { FromWorker, Placement, ToWorker } from "../../src/serve/messages.ts";
import { formatRecord } from "../../src/telemetry/log-record.ts";
import { isToCrash } from "./boot-crash.ts";

const send = (message: FromWorker): void => {
  process.send?.(message);
};

let flight: FlightRecord | null = null;
let deployment: Deployment = { version: 0, functions: [] };
let placements: readonly Placement[] = [];
let config: unknown = null;
let residentBytes = 1;
let answered = 0;
let deploy = (serve: () => void): void => serve();
const inFlight = new Set<string>();
const builds = new Map<string, ((bundle: BundleRef | null) => void)[]>();

const server = createServer((request, response) => {
  response.on("finish", () => answered++);
  handle(request, response);
});

function handle(request: IncomingMessage, response: ServerResponse): unknown {
  const [action = "", first = "", ...rest] = (request.url ?? "").slice(1).split("/").map(decodeURIComponent);
  const second = rest.join("/");
  const answer = (value: unknown): void => void response.end(JSON.stringify(value));
  switch (action) {
    case "pid":
      return answer(process.pid);
    case "version":
      return answer(deployment.version);
    case "env":
      return answer(process.env);
    case "config":
      return answer(config);
    case "placements":
      return answer(placements);
    case "slow":
      inFlight.add("slow");
      setTimeout(() => {
        inFlight.delete("slow");
        answer("slow");
      }, Number(first));
      return;
    case "die":
      if (second !== "") flight?.enter(0, second);
      process.kill(process.pid, first);
      return;
    case "exit":
      return process.exit(Number(first));
    case "hang":
      if (first !== "") flight?.enter(0, first);
      for (;;);
    case "next":
      deploy = first === "later" ? (serve) => void setTimeout(serve, Number(second)) : () => process.kill(process.pid, first);
      return answer("ready");
    case "turn":
      flight?.enter(1, first);
      return answer("turning");
    case "fat":
      residentBytes = Number(first);
      return answer("fat");
    case "wake":
      send({ type: "wake", functionId: first });
      return answer("sent");
    case "runaway":
      send({ type: "runaway", functionId: first });
      return answer("sent");
    case "cleared":
      send({ type: "cleared", functionId: first });
      return answer("sent");
    case "log":
      send({ type: "log", lines: formatRecord({ time: 0, level: "info", function: first, message: second }) });
      return answer("sent");
    case "build":
      builds.set(first, [...(builds.get(first) ?? []), answer]);
      send({ type: "build", functionId: first });
      return;
    default:
      response.statusCode = 404;
      return answer("no such action");
  }
}

process.on("message", (message: ToWorker, handle: unknown) => {
  switch (message.type) {
    case "start": {
      if (isToCrash()) process.exit(9);
      config = message.config;
      flight = createFlightRecord(message.flightFile, 4);
      deployment = message.deployment;
      placements = message.placements;
      const { listen } = message;
      const listening = (port: number | null): void => send({ type: "listening", port });
      server.on("error", (error) => {
        send({ type: "failed", failure: { code: "PORT_IN_USE", message: error.message } });
        setTimeout(() => process.exit(1), 50);
      });
      if (listen.kind === "handoff") return listening(null);
      if (listen.kind === "unix") return void server.listen(listen.path, () => listening(null));
      return void server.listen({ host: listen.host, port: listen.port, reusePort: true }, () => {
        const address = server.address();
        listening(typeof address === "object" && address !== null ? address.port : null);
      });
    }
    case "deploy":
      deploy(() => {
        deployment = message.deployment;
        placements = message.placements;
        send({ type: "deployed", requestId: message.requestId });
      });
      return;
    case "place":
      placements = message.placements;
      return;
    case "connection":
      server.emit("connection", handle as Socket);
      (handle as Socket).resume();
      return;
    case "built":
      for (const answer of builds.get(message.functionId) ?? []) answer(message.bundle);
      builds.delete(message.functionId);
      return;
    case "collect":
      return send({ type: "collected", requestId: message.requestId, metrics: snapshot() });
    case "profile":
      setTimeout(() => {
        send({ type: "profiled", requestId: message.requestId, profile: `{"kind":"${message.kind}"}`, failure: null });
      }, message.durationMs);
      return;
    case "drain":
      server.close(() => {
        send({ type: "drained" });
        setTimeout(() => process.exit(0), 20);
      });
      server.closeIdleConnections();
      send({ type: "letGo" });
      setTimeout(() => server.closeAllConnections(), message.graceMs);
  }
});

function snapshot(): Extract<FromWorker, { type: "collected" }>["metrics"] {
  const gauges = { pid: process.pid, residentBytes, heapUsedBytes: 1, gcCount: 0, gcPauseSumUs: 0, connectionsOpen: 0 };
  return { ...gauges, connectionsTotal: answered, refusedByStatus: {}, serverAnswers: [], functions: [] };
}

process.on("disconnect", () => process.exit(0));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
setInterval(() => {
  flight?.rest();
  send({ type: "heartbeat", residentBytes, inFlight: [...inFlight] });
}, 100);
send({ type: "booted" });
