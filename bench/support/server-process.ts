/**
 * A server under test: started by us, pinned to a core where there are two,
 * waited for by a *checked* answer, ended by its process id.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { availableParallelism } from "node:os";

export interface Subject {
  readonly name: string;
  /** Program and arguments that serve on 127.0.0.1:port. */
  command(port: number): readonly string[];
  readonly path: string;
  /** What a right answer's body contains. */
  readonly expect: string;
}

const SERVER_CORE = 0;
const LOAD_CORE = 1;
const START_TIMEOUT_MS = 30_000;
const POLL_INTERVAL_MS = 1;

let nextPort = 21_000 + (process.pid % 5_000);

/** Prefix that pins a command to the server's or the load's core; empty on one core. */
export function pinned(to: "server" | "load", command: readonly string[]): string[] {
  if (availableParallelism() < 2 || process.platform !== "linux") return [...command];
  return ["taskset", "-c", String(to === "server" ? SERVER_CORE : LOAD_CORE), ...command];
}

export interface RunningServer {
  readonly pid: number;
  readonly port: number;
  /** Spawn to the first right answer, in milliseconds. */
  readonly bootMs: number;
  stop(): Promise<void>;
}

export async function startSubject(subject: Subject): Promise<RunningServer> {
  const port = nextPort++;
  const [program, ...args] = pinned("server", subject.command(port)) as [string, ...string[]];
  const startMs = performance.now();
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000);
  });
  while (!(await isRight(subject, port))) {
    if (child.exitCode !== null || performance.now() - startMs > START_TIMEOUT_MS) {
      await stop(child);
      throw new Error(`${subject.name} did not answer ${subject.path} with ${JSON.stringify(subject.expect)}: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
  return { pid: child.pid as number, port, bootMs: performance.now() - startMs, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 3_000);
  await exited;
  clearTimeout(timer);
}

async function isRight(subject: Subject, port: number): Promise<boolean> {
  const answer = await get(port, subject.path);
  return answer !== null && answer.status === 200 && answer.body.includes(subject.expect);
}

/** One request on a connection of its own; null when there is no answer. */
export function get(port: number, path: string): Promise<{ status: number; body: string } | null> {
  return new Promise((resolve) => {
    const asked = request({ port, path, host: "127.0.0.1", agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", () => resolve(null));
    });
    asked.on("error", () => resolve(null));
    asked.end();
  });
}
