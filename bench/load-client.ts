/**
 * `node bench/load-client.ts [--quick]`: requests per CPU second of `pilotlight
 * load` beside wrk. The same target (a node:net server that answers a constant),
 * one thread, 50 connections, client on one core and server on the other,
 * interleaved. The whole client process counts, its boot and report included.
 * The figures of docs/decisions/0009-load-generator.md.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pinCores } from "../src/lab/ab/cores.ts";
import { median } from "../src/stats/quantile.ts";

const CONNECTION_COUNT = 50;
const TICKS_PER_SECOND = 100;
const OF_WRK_MIN = 0.35;
const BODY = '{"status":"ok","runtime":"bench","timestamp":0}';
const BIN = fileURLToPath(new URL("../bin/pilotlight.js", import.meta.url));

const SERVER = `import { createServer } from "node:net";
const answer = "HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: ${BODY.length}\\r\\n\\r\\n" + ${JSON.stringify(BODY)};
createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  socket.on("data", () => socket.write(answer, "latin1"));
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });`;

interface Client {
  readonly name: string;
  command(url: string, seconds: number): readonly string[];
  /** Requests, from what it printed; the server answers all of them rightly. */
  count(printed: string): number;
}

const wrk: Client = {
  name: "wrk",
  command: (url, seconds) => ["wrk", "-t1", `-c${CONNECTION_COUNT}`, `-d${seconds}s`, url],
  count: (printed) => Number(/(\d+) requests in/.exec(printed)?.[1] ?? 0),
};

const ours: Client = {
  name: "pilotlight load",
  command: (url, seconds) => [process.execPath, BIN, "load", url, "-c", String(CONNECTION_COUNT), "-d", `${seconds}s`, "--threads", "1"],
  count: (printed) => Number(/http_reqs\.*: (\d+)/.exec(printed)?.[1] ?? 0),
};

export interface Measured {
  readonly name: string;
  readonly perCpuSecond: readonly number[];
  readonly perSecond: readonly number[];
}

/** wrk first, where it is installed; then ours. */
export async function measureClients(rounds: number, seconds: number): Promise<Measured[]> {
  const clients = spawnSync("wrk", ["-v"]).error === undefined ? [wrk, ours] : [ours];
  const measured = clients.map(({ name }) => ({ name, perCpuSecond: [] as number[], perSecond: [] as number[] }));
  // Clients are started from the load's core, and stay there.
  const pinning = pinCores();
  const [program, ...args] = pinning.serverCommand([process.execPath, "--input-type=module", "--eval", SERVER]);
  const server = spawn(program!, args, { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(server, "exit");
  try {
    const [line] = (await Promise.race([once(server.stdout, "data"), failure(gone)])) as [Buffer];
    const url = `http://127.0.0.1:${Number(line.toString())}/`;
    for (let round = 0; round < rounds; round++) {
      for (const [at, client] of clients.entries()) {
        const beforeS = childrenCpuS();
        const requests = client.count(await output(client.command(url, seconds)));
        if (requests === 0) throw new Error(`${client.name} told of no requests`);
        measured[at]!.perCpuSecond.push(requests / (childrenCpuS() - beforeS));
        measured[at]!.perSecond.push(requests / seconds);
      }
    }
  } finally {
    server.kill("SIGKILL");
    pinning.release();
    await gone;
  }
  return measured;
}

async function failure(gone: Promise<readonly unknown[]>): Promise<never> {
  const [code, signal] = await gone;
  throw new Error(`The server ended with ${signal ?? `code ${code}`} before it listened`);
}

/** User and system time of children that have ended. */
function childrenCpuS(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

async function output(command: readonly string[]): Promise<string> {
  const [program, ...args] = command;
  const child = spawn(program!, args, { stdio: ["ignore", "pipe", "ignore"] });
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => {
    printed += chunk.toString();
  });
  await once(child, "close");
  return printed;
}

function shown(values: readonly number[]): string {
  return `${Math.round(median(values))} [${Math.round(Math.min(...values))}-${Math.round(Math.max(...values))}]`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const isQuick = process.argv.includes("--quick");
  const measured = await measureClients(isQuick ? 1 : 5, isQuick ? 1 : 6);
  process.stdout.write("| client | requests per CPU second | CPU us a request | requests/s |\n|---|---|---|---|\n");
  for (const { name, perCpuSecond, perSecond } of measured) {
    process.stdout.write(`| ${name} | ${shown(perCpuSecond)} | ${(1e6 / median(perCpuSecond)).toFixed(1)} | ${shown(perSecond)} |\n`);
  }
  if (measured.length === 2) {
    const share = median(measured[1]!.perCpuSecond) / median(measured[0]!.perCpuSecond);
    process.stdout.write(`\nof wrk's requests per CPU second: ${share.toFixed(2)} (at least ${OF_WRK_MIN})\n`);
  }
}
