/** One-shot programs: shell scripts that get the body on standard input and answer on standard output. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { afterEach, test } from "node:test";
import type { ProcessEnd } from "../src/engines/process/launch/launched.ts";
import type { CallEnd } from "../src/engines/process/links/link.ts";
import { COLLECTED_MAX_BYTES } from "../src/engines/process/links/stdio-call.ts";
import { stdioEnvironment } from "../src/engines/process/links/stdio-environment.ts";
import { StdioLink, type StdioLinkOptions } from "../src/engines/process/links/stdio-link.ts";
import { type FakeAnswer, type FakeCall, type FakeRequest, fakeCall } from "./support/fake-exchange.ts";

const GIVEN_UP = { code: "CALL_TIMEOUT", message: "it took too long" } as const;
const killing: (() => void)[] = [];
afterEach(() => {
  for (const kill of killing.splice(0)) kill();
});

interface Run extends Omit<FakeCall, "answer"> {
  readonly answer: Promise<FakeAnswer>;
  readonly ended: Promise<CallEnd>;
  readonly processEnded: Promise<ProcessEnd>;
  /** As the link hears of it. */
  readonly endTold: Promise<ProcessEnd>;
  readonly link: StdioLink;
  abandon(): void;
  kill(signal: NodeJS.Signals): void;
}

function run(script: string, request: FakeRequest = {}, options: Partial<StdioLinkOptions> = {}): Run {
  const fake = fakeCall(request);
  const env = { PATH: process.env["PATH"], ...stdioEnvironment(fake.call) };
  const child = spawn("/bin/sh", ["-c", script], { env, detached: true });
  const kill = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-child.pid!, signal);
    } catch {
      // It has ended.
    }
  };
  killing.push(() => kill("SIGKILL"));
  let errors = "";
  child.stderr.on("data", (bytes: Buffer) => {
    errors += bytes;
  });
  const processEnded = new Promise<ProcessEnd>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal, told: signal ?? `exit code ${code}` }));
  });
  // As the launcher does: the end is told behind the last lines.
  const closed = new Promise<void>((resolve) => child.stderr.once("close", resolve));
  const ended = processEnded.then((end) => closed.then(() => end));
  const link = new StdioLink(
    { stdin: child.stdin, stdout: child.stdout, ended, lastErrorLines: () => errors },
    { functionId: "fn", form: "auto", outputMaxBytes: null, ...options },
  );
  const end = Promise.withResolvers<CallEnd>();
  let endCount = 0;
  const linked = link.begin(fake.call, (told) => {
    assert.equal(++endCount, 1, "the end was told twice");
    end.resolve(told);
  });
  return { ...fake, ended: end.promise, processEnded, endTold: ended, link, abandon: () => linked.abandon(GIVEN_UP), kill };
}

test("the body is standard input, and what comes out is the answer", async () => {
  const { answer, ended } = run("tr a-z A-Z", { method: "POST", body: "hello" });
  assert.deepEqual(await ended, { kind: "answered" });
  const { status, headers, body } = await answer;
  assert.deepEqual([status, headers.get("content-type"), body.toString()], [200, "text/plain; charset=utf-8", "HELLO"]);
});

test("a CGI head is the answer's", async () => {
  const { answer } = run("printf 'Status: 418 Teapot\\r\\nContent-Type: text/html\\r\\nX-One: 1\\r\\n\\r\\n<p>'; cat", { body: "tea" });
  const { status, headers, body } = await answer;
  assert.deepEqual([status, headers.get("x-one"), headers.get("status"), body.toString()], [418, "1", undefined, "<p>tea"]);
});

test("the environment says what the request was, and nothing of what its client made up", async () => {
  const { answer } = run(
    'echo "$REQUEST_METHOD $PATH_INFO $QUERY_STRING $CONTENT_LENGTH $HTTP_X_REQUEST_ID $HTTP_X_PILOTLIGHT_PARAMS [$HTTP_PROXY]"',
    {
      method: "PUT",
      target: "/a%20b?c=d",
      body: "12345",
      params: { id: "ä" },
      headers: { "X-Request-Id": "forged", "X-Pilotlight-Params": "forged", Proxy: "http://evil.example" },
    },
  );
  assert.equal((await answer).body.toString(), 'PUT /a b c=d 5 probe {"id":"\\u00e4"} []\n');
  const { call } = fakeCall({ method: "POST", body: "abc", chunkBytes: 1, headers: { "X-Pilotlight-Params": "forged" } });
  const variables = stdioEnvironment(call);
  assert.deepEqual([variables["CONTENT_LENGTH"], variables["HTTP_X_PILOTLIGHT_PARAMS"]], [undefined, undefined]);
});

test("a body that is still arriving streams into standard input", async () => {
  const { answer } = run("wc -c", { method: "POST", body: Buffer.alloc(1_000_000), chunkBytes: 64_000 });
  assert.equal((await answer).body.toString().trim(), "1000000");
});

test("a program that reads none of its input, or closes it, answers all the same", async () => {
  for (const script of ["echo done", "exec 0<&-; echo done", "head -c 1 >/dev/null; echo done"]) {
    for (const chunkBytes of [undefined, 100_000]) {
      const cut = chunkBytes === undefined ? {} : { chunkBytes };
      const { answer, ended } = run(script, { method: "POST", body: Buffer.alloc(2_000_000), ...cut });
      assert.deepEqual(await ended, { kind: "answered" });
      assert.equal((await answer).body.toString(), "done\n");
    }
  }
});

test("output longer than is collected goes to the client while the program runs", async () => {
  const { answer, call, ended, kill } = run(`head -c ${COLLECTED_MAX_BYTES + 1} /dev/zero; kill -STOP $$; echo end`);
  while (!call.exchange.answered) await new Promise((resolve) => setImmediate(resolve));
  kill("SIGCONT");
  assert.deepEqual(await ended, { kind: "answered" });
  const { body, headers } = await answer;
  assert.equal(body.length, COLLECTED_MAX_BYTES + 1 + "end\n".length);
  assert.equal(headers.get("content-type"), "text/plain; charset=utf-8");
});

test("events go to the client as they happen", async () => {
  const { answer, call, kill } = run("printf 'Content-Type: text/event-stream\\n\\ndata: 1\\n\\n'; kill -STOP $$; printf 'data: 2\\n\\n'");
  while (!call.exchange.answered) await new Promise((resolve) => setImmediate(resolve));
  kill("SIGCONT");
  assert.equal((await answer).body.toString(), "data: 1\n\ndata: 2\n\n");
});

test("a slow client slows the program down, and gets all of it", async () => {
  const { answer, drain, processEnded } = run("head -c 3000000 /dev/zero; echo ok >&2", { isSlow: true });
  let hasEnded = false;
  void processEnded.then(() => {
    hasEnded = true;
  });
  for (let turn = 0; turn < 500; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(hasEnded, false);
  while (!hasEnded) {
    drain();
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Its pipe is emptied without waiting for the client.
  assert.equal((await answer).body.length, 3_000_000);
});

test("an exit code without an answer is a failure, with what was written to standard error", async () => {
  const { ended } = run("echo 'no such table: users' >&2; exit 3");
  const end = await ended;
  assert.deepEqual(end, {
    kind: "failed",
    failure: { code: "GUEST_EXITED", message: "fn ended with exit code 3; it said: no such table: users" },
    isSpent: true,
  });
});

test("a command's exit code counts, whatever it wrote; behind a CGI head it is only noted", async () => {
  const command = await run("echo half; exit 1").ended;
  assert.ok(command.kind === "failed" && command.failure.code === "GUEST_EXITED");
  const cgi = run("printf 'Status: 500\\n\\nsorry'; exit 1");
  assert.deepEqual(await cgi.ended, { kind: "answered" });
  const { status, logs } = await cgi.answer;
  assert.equal(status, 500);
  assert.deepEqual(logs, ["warn: It wrote its answer and ended with exit code 1"]);
});

test("a program that says nothing and ends well has an empty answer", async () => {
  const { answer } = run("true");
  const { status, body } = await answer;
  assert.deepEqual([status, body.length], [200, 0]);
});

test("a signal is no end of an answer, neither of a collected one nor of one that streams", async () => {
  const crashed = await run("printf 'Content-Type: text/plain\\n\\nhalf'; kill -SEGV $$").ended;
  assert.ok(crashed.kind === "failed" && crashed.failure.code === "GUEST_EXITED");
  assert.match(crashed.failure.message, /SIGSEGV/);
  const killed = await run("echo half; kill -KILL $$").ended;
  assert.ok(killed.kind === "failed" && killed.failure.code === "SANDBOX_LOST");
  const streaming = run(`head -c ${2 * COLLECTED_MAX_BYTES} /dev/zero; kill -KILL $$`);
  const end = await streaming.ended;
  assert.ok(end.kind === "failed" && end.failure.code === "SANDBOX_LOST");
  assert.equal(streaming.call.exchange.answered, true);
});

test("output without end is ended at its limit", async () => {
  const { ended, call } = run("cat /dev/zero", {}, { outputMaxBytes: 100_000 });
  const end = await ended;
  assert.ok(end.kind === "failed" && end.isSpent);
  assert.equal(end.failure.code, "OUTPUT_TOO_LARGE");
  assert.match(end.failure.message, /fn wrote more than .* to standard output/);
  assert.equal(call.exchange.answered, false);
});

test("output that no answer can have is a failure", async () => {
  const { ended } = run("printf 'Status: 700\\n\\n'");
  const end = await ended;
  assert.ok(end.kind === "failed" && end.failure.code === "INVALID_ANSWER");
  const asked = await run("echo hello", {}, { form: "cgi" }).ended;
  assert.ok(asked.kind === "failed" && asked.failure.code === "INVALID_ANSWER");
});

test("a program that never ends is given up, and its streams are let go", async () => {
  const { ended, abandon, kill, processEnded } = run("exec cat /dev/zero", { isSlow: true });
  await new Promise((resolve) => setImmediate(resolve));
  abandon();
  abandon();
  assert.deepEqual(await ended, { kind: "failed", failure: GIVEN_UP, isSpent: true });
  kill("SIGKILL");
  await processEnded;
});

test("one that closes its output and goes on working has answered", async () => {
  const { answer, kill } = run("echo done; exec 1>&-; exec sleep 1000");
  assert.equal((await answer).body.toString(), "done\n");
  kill("SIGKILL");
});

test("output that somebody else keeps open is over when the owner says so", async () => {
  const { answer, link, endTold, kill } = run("sleep 1000 2>&- & echo done");
  await endTold;
  // What was written before the end is in the pipe, which is read in the next turn.
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  link.close("the process has ended");
  assert.equal((await answer).body.toString(), "done\n");
  kill("SIGKILL");
});

test("a body that breaks off ends its call, and standard input is not ended as if it was whole", async () => {
  const { ended, kill, processEnded } = run("cat; echo whole", { body: "abc", chunkBytes: 1, bodyFails: "BODY_TIMEOUT" });
  assert.deepEqual(await ended, { kind: "failed", failure: { code: "BODY_FAILED", message: "BODY_TIMEOUT" }, isSpent: true });
  kill("SIGTERM");
  assert.equal((await processEnded).signal, "SIGTERM");
});

test("a link that is closed before the process ends has lost its call", async () => {
  const { ended, link } = run("sleep 1000");
  link.close("the server stops");
  const end = await ended;
  assert.ok(end.kind === "failed" && end.isSpent && end.failure.code === "SANDBOX_LOST");
  assert.equal(await link.isHealthy(), false);
});
