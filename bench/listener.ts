/**
 * `node bench/listener.ts [--quick]`: CPU time per request of our listener
 * beside node:http, both answering the same JSON to the same five headers, in
 * interleaved fresh processes. The figures of docs/decisions/0002-http-listener.md.
 * With wrk also with heads that differ from request to request, because the
 * listener remembers the last head of a connection and real clients vary.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type LoadResult, load, run } from "./support/load.ts";
import { machineLine } from "./support/machine.ts";
import { cpuUs } from "./support/process-tree.ts";
import { median, spread } from "./support/samples.ts";
import { type Subject, startSubject } from "./support/server-process.ts";

const CONNECTION_COUNT = 50;
const WARM_UP_S = 1;
const BODY = '{"status":"ok","runtime":"bench","timestamp":0}';
const HEALTH = { path: "/api/health", expect: '"status":"ok"' };

const folder = mkdtempSync(join(tmpdir(), "pilotlight-listener-"));

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

type Load = (port: number, seconds: number) => Promise<LoadResult>;

const sameHeads: Load = (port, seconds) => load(port, HEALTH.path, CONNECTION_COUNT, seconds);

async function variedHeads(port: number, seconds: number): Promise<LoadResult> {
  const command = ["wrk", "-t1", `-c${CONNECTION_COUNT}`, `-d${seconds}s`, "-s", differingHeads, `http://127.0.0.1:${port}${HEALTH.path}`];
  const text = await run(command);
  return {
    requests: Number(/(\d+) requests in/.exec(text)?.[1] ?? 0),
    errors: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
  };
}

interface Row {
  readonly name: string;
  readonly subject: Subject;
  readonly load: Load;
}

export interface Measured {
  readonly name: string;
  readonly cpuUsPerRequest: readonly number[];
  readonly requestsPerSecond: readonly number[];
}

export async function measureListeners(rounds: number, seconds: number, warmUpSeconds = WARM_UP_S): Promise<Measured[]> {
  const hasWrk = spawnSync("wrk", ["-v"]).error === undefined;
  const rows: Row[] = [
    { name: "node:http, same heads", subject: nodeHttp, load: sameHeads },
    { name: "our listener, same heads", subject: ours, load: sameHeads },
    ...(hasWrk
      ? [
          { name: "node:http, differing heads", subject: nodeHttp, load: variedHeads },
          { name: "our listener, differing heads", subject: ours, load: variedHeads },
        ]
      : []),
    { name: bareNet.name, subject: bareNet, load: sameHeads },
  ];
  const measured = rows.map(({ name }) => ({ name, cpuUsPerRequest: [] as number[], requestsPerSecond: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (const [i, row] of rows.entries()) {
      const server = await startSubject(row.subject);
      try {
        if (warmUpSeconds > 0) await row.load(server.port, warmUpSeconds);
        const before = cpuUs(server.pid);
        const { requests, errors } = await row.load(server.port, seconds);
        if (errors > 0 || requests === 0) throw new Error(`${row.name}: ${errors} errors in ${requests} requests`);
        measured[i]?.cpuUsPerRequest.push((cpuUs(server.pid) - before) / requests);
        measured[i]?.requestsPerSecond.push(requests / seconds);
      } finally {
        await server.stop();
      }
    }
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
