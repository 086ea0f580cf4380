/**
 * Load: a closed loop of keep-alive connections against one path, from a
 * process of its own on the other core. wrk when it is installed, else the
 * client in load-client.ts, whose own cost does not count: what we report is
 * the server's CPU time.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { pinned } from "./server-process.ts";

export interface LoadResult {
  readonly requests: number;
  readonly errors: number;
}

const HEADERS: Readonly<Record<string, string>> = {
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64)",
  accept: "application/json",
  "accept-encoding": "gzip, br",
};

const hasWrk = spawnSync("wrk", ["-v"]).error === undefined;

/** Five request headers with the client's own host and connection. */
export async function load(port: number, path: string, connectionCount: number, seconds: number): Promise<LoadResult> {
  const url = `http://127.0.0.1:${port}${path}`;
  const headers = Object.entries(HEADERS).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  if (hasWrk) {
    const text = await run(["wrk", "-t1", `-c${connectionCount}`, `-d${seconds}s`, "-H", "connection: keep-alive", ...headers, url]);
    const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
    const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
    const broken = [...(/Socket errors: (.*)/.exec(text)?.[1] ?? "").matchAll(/\d+/g)].reduce((sum, [count]) => sum + Number(count), 0);
    return { requests, errors: refused + broken };
  }
  const client = fileURLToPath(new URL("./load-client.ts", import.meta.url));
  return JSON.parse(
    await run([process.execPath, client, String(port), path, String(connectionCount), String(seconds), JSON.stringify(HEADERS)]),
  ) as LoadResult;
}

/** A command on the load's core; what it printed. */
export async function run(command: readonly string[]): Promise<string> {
  const [program, ...args] = pinned("load", command) as [string, ...string[]];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(child, "close");
  return text;
}
