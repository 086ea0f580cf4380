/**
 * A server under test: a fresh process of a command on a free port, up when it
 * has given a checked answer. Boot time is from spawn to that answer.
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { fail, ok, type Result } from "../../base/result.ts";
import type { LoadPlan } from "../load/plan.ts";
import type { Pinning } from "./cores.ts";
import type { Subject } from "./plan.ts";
import { type Waited, waitForAnswer } from "./probe.ts";
import { type ProcessGroup, startGroup } from "./process-group.ts";

export const HOST = "127.0.0.1";
const PORT_TRIES = 5;

export interface ServerUnderTest {
  readonly group: ProcessGroup;
  /** What is asked of it: the plan with its port. */
  readonly load: LoadPlan;
  readonly bootMs: number;
}

export interface StartOptions {
  readonly pinning: Pinning;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export async function startServer(subject: Subject, load: LoadPlan, options: StartOptions): Promise<Result<ServerUnderTest>> {
  const port = await freePort();
  const bound = { ...load, target: { ...load.target, host: HOST, port } };
  const started = await startGroup(options.pinning.serverCommand(subject.command(port)), { ...process.env, PORT: String(port) });
  if (!started.ok)
    return fail(failure("AB_COMMAND_NOT_STARTED", `${subject.label} ${started.failure}`, "Check the command by starting it by hand"));
  const group = started.value;
  let up: Waited;
  try {
    up = await waitForAnswer(bound, options.timeoutMs, group.exit, options.signal);
  } catch (error) {
    // A fault of ours must not leave a process behind.
    await group.stop();
    throw error;
  }
  if (up.isUp) return ok({ group, load: bound, bootMs: up.atMs - group.spawnedAtMs });
  const said = group.lastWords();
  await group.stop();
  const words = said === "" ? "; it said nothing" : `; its last words: ${said}`;
  const hint = `It was asked for ${load.method} ${load.target.path} on ${HOST}:${port}; start it by hand and ask the same`;
  return fail(failure("AB_SERVER_NOT_UP", `${subject.label} ${up.because}${words}`, hint));
}

function failure(code: string, message: string, hint: string): { code: string; message: string; hint: string } {
  return { code, message, hint };
}

/** A port that nobody listens on now, by whatever address: an answer on it is the command's own. */
async function freePort(): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const server = createServer();
    server.listen({ port: 0, host: HOST, exclusive: true });
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    if (attempt === PORT_TRIES || !(await accepts(port))) return port;
  }
}

function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, HOST);
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}
