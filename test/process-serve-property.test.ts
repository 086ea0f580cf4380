/**
 * A property of the whole server: a call to a process function gets exactly one
 * answer, its own, while instances are killed and programs replaced at random;
 * and what may not be done twice is done once at most.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { NO_PYTHON, nodeHandler, type ProcessServer, pythonHandler, sh, startProcessServer } from "./support/process-server.ts";
import fc from "./support/properties.ts";

const CALL_COUNT = 10_000;
const CLIENT_COUNT = 24;
const SHELL_SHARE = 60;
const folder = mkdtempSync(join(tmpdir(), "pilotlight-process-property-"));
const done = (name: string): string => join(folder, name);
const agent = new Agent({ keepAlive: true, maxSockets: CLIENT_COUNT });

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Each writes down what it is asked, and answers with its number. */
const PYTHON = pythonHandler(
  `os.write(DONE, (request.params["rest"] + "\\n").encode())
return request.method + " " + request.query["n"]`,
  "concurrency=2",
  `DONE = os.open(${JSON.stringify(done("python"))}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)`,
);
const NODE = nodeHandler(`(request) => {
  appendFileSync(${JSON.stringify(done("node"))}, request.query.get("n") + "\\n");
  return request.method + " " + request.query.get("n");
}`).replace("\n", '\nimport { appendFileSync } from "node:fs";\n');
const SHELL = sh(`echo "\${QUERY_STRING#n=}" >> ${done("shell")}; printf '%s %s' "$REQUEST_METHOD" "\${QUERY_STRING#n=}"`);

let server: ProcessServer;

before(async () => {
  server = await startProcessServer(
    { "python/[...rest].py": PYTHON, node: NODE, "shell.sh": SHELL },
    {
      workers: 2,
      functions: {
        "python/[...rest]": { process: { max: 3, concurrency: 2, queue: 1_000, idleTimeout: "300ms" } },
        node: { process: { max: 2, concurrency: 8, queue: 1_000 }, isolation: "bounded(700)" },
        shell: { process: { call: "stdio" } },
      },
    },
  );
});
after(async () => {
  agent.destroy();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Resolves with every answer that came: one, or the connection is broken. */
function ask(method: string, path: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const outgoing = request(new URL(path, server.url), { method, agent }, (response: IncomingMessage) => {
    let body = "";
    response.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    response.on("end", () => resolve({ status: response.statusCode!, body }));
    response.on("error", reject);
  });
  outgoing.on("error", reject);
  outgoing.end(method === "POST" ? "a body" : undefined);
  return promise;
}

function timesDone(name: string): Map<string, number> {
  const lines = existsSync(done(name)) ? readFileSync(done(name), "utf8").trim().split("\n") : [];
  return new Map([...Map.groupBy(lines, (line) => line.split("/").at(-1)!)].map(([number, times]) => [number, times.length]));
}

test("ten thousand calls get one answer each, whatever is killed meanwhile", { skip: NO_PYTHON }, async () => {
  // One draw of everything that is random: the seed is the run's.
  const [plan] = fc.sample(fc.infiniteStream(fc.nat(999)), 1);
  const draw = (below: number): number => (plan!.next().value as number) % below;
  const ends = new Map<string, number>();
  const killed = { count: 0 };
  const programs = ["python/[...rest]", "python/[...rest]", "node", "shell"];
  let next = 0;
  const client = async (): Promise<void> => {
    for (let number = next++; number < CALL_COUNT; number = next++) {
      const method = draw(3) === 0 ? "POST" : "GET";
      const which = number % SHELL_SHARE === 0 ? "shell" : draw(2) === 0 ? "node" : "python";
      const { status, body } = await ask(method, which === "python" ? `/python/${number}?n=${number}` : `/${which}?n=${number}`);
      if (status === 200) assert.equal(body, `${method} ${number}`, "it got another's answer");
      else assert.match(`${status} ${body}`, /^(?:503 .*"SANDBOX_LOST"|500 .*"LOAD_FAILED")/);
      ends.set(`${which} ${status}`, (ends.get(`${which} ${status}`) ?? 0) + 1);
      wasPost.set(`${which} ${number}`, method === "POST");
      if (number % 100 === 99) kill();
      if (number % 2_500 === 2_499) await server.reload();
    }
  };
  const wasPost = new Map<string, boolean>();
  const kill = (): void => {
    const pids = server.programsOf(programs[draw(programs.length)]!);
    if (pids.length === 0) return;
    try {
      process.kill(pids[draw(pids.length)]!, "SIGKILL");
      killed.count++;
    } catch {
      // It has gone by itself.
    }
  };
  await Promise.all(Array.from({ length: CLIENT_COUNT }, client));

  const endCount = [...ends.values()].reduce((sum, count) => sum + count, 0);
  const answeredCount = [...ends].reduce((sum, [end, count]) => sum + (end.endsWith(" 200") ? count : 0), 0);
  assert.equal(endCount, CALL_COUNT);
  assert.ok(killed.count >= 30, `${killed.count} were killed`);
  assert.ok(answeredCount > CALL_COUNT * 0.9, JSON.stringify([...ends]));
  for (const which of ["python", "node", "shell"]) {
    for (const [number, times] of timesDone(which))
      assert.ok(times <= (wasPost.get(`${which} ${number}`) === true ? 1 : 3), `${which} ${number} was done ${times} times`);
  }
  const { restarts, resentCalls } = (await server.statsOf("node"))!.process!;
  assert.ok(restarts > 0 && resentCalls > 0, `${restarts} restarts, ${resentCalls} calls sent again`);
});
