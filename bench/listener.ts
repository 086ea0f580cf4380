/**
 * `node bench/listener.ts [--quick]`: CPU time per request of our listener
 * beside node:http, both answering the same JSON to the same five headers, in
 * interleaved fresh processes. The figures of docs/decisions/0002-http-listener.md.
 * With wrk also with heads that differ from request to request, because the
 * listener remembers the last head of a connection and real clients vary.
 */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { median } from "../src/stats/quantile.ts";
import { createRandom } from "../src/stats/random.ts";
import type { Effort } from "./support/figure.ts";
import { type Lab, openLab, type Subject } from "./support/lab.ts";
import { machineLine } from "./support/machine.ts";
import { spread } from "./support/spread.ts";

const CONNECTION_COUNT = 50;
const WARM_UP_S = 3;
const SEED = 1;
const BODY = '{"status":"ok","runtime":"bench","timestamp":0}';
const HEALTH = { path: "/api/health", expect: '"status":"ok"' };

const folder = mkdtempSync(join(tmpdir(), "pilotlight-listener-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

function subject(name: string, source: string): Subject {
  const file = join(folder, `${name.replaceAll(/\W+/g, "-")}.mjs`);
  writeFileSync(file, source);
  return { name, ...HEALTH, command: (port) => [process.execPath, file, String(port)] };
}

const nodeHttp = subject(
  "node:http",
  `import { createServer } from "node:http";
const body = ${JSON.stringify(BODY)};
createServer((request, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}).listen(Number(process.argv[2]), "127.0.0.1");
`,
);

const bareNet = subject(
  "node:net, no HTTP at all",
  `import { createServer } from "node:net";
const answer = "HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: ${BODY.length}\\r\\n\\r\\n" + ${JSON.stringify(BODY)};
createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  socket.on("data", () => socket.write(answer, "latin1"));
}).listen(Number(process.argv[2]), "127.0.0.1");
`,
);

const ours = subject(
  "our listener",
  `import { createListener } from ${JSON.stringify(new URL("../src/http/listener.ts", import.meta.url).href)};
const body = ${JSON.stringify(BODY)};
const limits = { bodyMaxBytes: 1048576, headerMaxBytes: 16384, targetMaxBytes: 8192, headerTimeoutMs: 10000,
  idleTransferTimeoutMs: 10000, keepAliveTimeoutMs: 10000, connectionMaxCount: 1000 };
const onExchange = (exchange) => exchange.respond(200, "content-type: application/json\\r\\n", body);
await createListener({ limits, tls: null, onExchange }).listenTcp({ host: "127.0.0.1", port: Number(process.argv[2]) });
setInterval(() => {}, 60_000);
`,
);

/** Each of 512 requests has a traceparent of its own, so that hardly two in a row on one connection are alike. */
const differingHeads = join(folder, "differing.lua");
writeFileSync(
  differingHeads,
  `local requests, at = {}, 0
init = function(args)
  for i = 1, 512 do
    requests[i] = wrk.format("GET", "${HEALTH.path}", { ["Connection"] = "keep-alive", ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64)",
      ["Accept"] = "application/json", ["Traceparent"] = string.format("00-%032x-%016x-01", i, i) })
  end
end
request = function() at = at % 512 + 1 return requests[at] end
`,
);

/** One fresh process, loaded: CPU us per request and requests a second. */
type Measure = (subject: Subject, effort: Effort, lab: Lab) => Promise<readonly [cpuUsPerRequest: number, requestsPerSecond: number]>;

const sameHeads: Measure = async (subject, effort, lab) => {
  const { cpuUsPerRequest, requestsPerSecond } = await lab.measure(subject, effort, CONNECTION_COUNT);
  return [cpuUsPerRequest, requestsPerSecond];
};

/** wrk runs where this process was moved to: the load's core. */
const differing: Measure = async (subject, { seconds, warmUpSeconds }, lab) => {
  const server = await lab.start(subject);
  try {
    if (warmUpSeconds > 0) await variedHeads(server.port, warmUpSeconds);
    const before = server.cpuUs();
    const requests = await variedHeads(server.port, seconds);
    return [(server.cpuUs() - before) / requests, requests / seconds];
  } finally {
    await server.stop();
  }
};

async function variedHeads(port: number, seconds: number): Promise<number> {
  const args = ["-t1", `-c${CONNECTION_COUNT}`, `-d${Math.ceil(seconds)}s`, "-s", differingHeads, `http://127.0.0.1:${port}${HEALTH.path}`];
  const { stdout } = await promisify(execFile)("wrk", args);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  const errors = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  if (errors > 0 || requests === 0) throw new Error(`${errors} errors in ${requests} requests`);
  return requests;
}

interface Row {
  readonly name: string;
  readonly subject: Subject;
  readonly measure: Measure;
}

export interface Measured {
  readonly name: string;
  readonly cpuUsPerRequest: readonly number[];
  readonly requestsPerSecond: readonly number[];
}

export async function measureListeners(rounds: number, seconds: number, warmUpSeconds = WARM_UP_S): Promise<Measured[]> {
  const hasWrk = spawnSync("wrk", ["-v"]).error === undefined;
  const rows: Row[] = [
    { name: "node:http, same heads", subject: nodeHttp, measure: sameHeads },
    { name: "our listener, same heads", subject: ours, measure: sameHeads },
    ...(hasWrk
      ? [
          { name: "node:http, differing heads", subject: nodeHttp, measure: differing },
          { name: "our listener, differing heads", subject: ours, measure: differing },
        ]
      : []),
    { name: bareNet.name, subject: bareNet, measure: sameHeads },
  ];
  const measured = rows.map(({ name }) => ({ name, cpuUsPerRequest: [] as number[], requestsPerSecond: [] as number[] }));
  const effort = { rounds, seconds, warmUpSeconds, scale: 1 };
  const lab = openLab();
  const random = createRandom(SEED);
  try {
    for (let round = 0; round < rounds; round++) {
      // Each round in an order of its own: what drifts meets all alike.
      const order = [...rows.entries()].map((entry) => ({ entry, at: random() })).toSorted((one, other) => one.at - other.at);
      for (const {
        entry: [at, row],
      } of order) {
        const [cpuUsPerRequest, requestsPerSecond] = await row.measure(row.subject, effort, lab);
        measured[at]!.cpuUsPerRequest.push(cpuUsPerRequest);
        measured[at]!.requestsPerSecond.push(requestsPerSecond);
      }
    }
  } finally {
    lab.close();
  }
  return measured;
}

function table(measured: readonly Measured[]): string {
  const base = median(measured[0]?.cpuUsPerRequest ?? []);
  const lines = measured.map(({ name, cpuUsPerRequest, requestsPerSecond }) => {
    const share = (median(cpuUsPerRequest) / base).toFixed(2);
    return `| ${name} | ${spread(cpuUsPerRequest, 2)} | ${share} | ${Math.round(median(requestsPerSecond))} |\n`;
  });
  return `| | CPU us a request | of node:http | requests/s |\n|---|---|---|---|\n${lines.join("")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const quick = process.argv.includes("--quick");
  const measured = await measureListeners(quick ? 1 : 5, quick ? 1 : 3);
  process.stdout.write(`${machineLine()}\n\n${table(measured)}`);
}
