/** Process functions on a real server, each called in its way over HTTP, and what their settings say of that. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually } from "./support/fake-fleet.ts";
import {
  builtProgram,
  NO_PYTHON,
  nodeHandler,
  type ProcessServer,
  python,
  pythonHandler,
  sh,
  startProcessServer,
} from "./support/process-server.ts";

const SUM = `#include "pilotlight.h"
static int sum(const pl_request *request, pl_response *response) {
  unsigned total = 0;
  for (size_t at = 0; at < request->body_bytes; at++) total += ((const unsigned char *)request->body)[at];
  pl_print(response, "%u %s", total, request->target);
  return 0;
}
int main(void) { return pl_serve(sum); }`;
/** Knows nothing of us but its port. */
const OLD_SERVER = `import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Old(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        self.send_response(201)
        self.send_header("x-served-by", self.server_version)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[::-1])
    def log_message(self, *_): pass
HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Old).serve_forever()`;
/** READY on the socket first, its port a while later: what Aetherless' own examples do the other way round. */
const EARLY = `import os, socket, time
from http.server import BaseHTTPRequestHandler, HTTPServer
ready = socket.socket(socket.AF_UNIX)
ready.connect(os.environ["AETHER_SOCKET"])
ready.sendall(b"READY")
ready.close()
time.sleep(0.3)
class Early(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"early " + os.environ["AETHER_FUNCTION_ID"].encode())
    def log_message(self, *_): pass
HTTPServer(("127.0.0.1", int(os.environ["AETHER_TRIGGER_PORT"])), Early).serve_forever()`;

const built = mkdtempSync(join(tmpdir(), "pilotlight-sum-"));
const sum = builtProgram(SUM, join(built, "sum"));
let server: ProcessServer;

before(async () => {
  server = await startProcessServer(
    {
      "py/[name].py": pythonHandler('return {"hello": request.params["name"], "n": request.query.get("n"), "body": request.text()}'),
      words: nodeHandler(`async (request) => new Answer((await request.text()).split(" ").length + "\\n", { status: 203 })`),
      "raises.py": pythonHandler('raise KeyError("a colour")'),
      "old.py": python(OLD_SERVER),
      "early.py": python(EARLY),
      "shout.sh": sh(
        'printf "content-type: text/shout\\r\\nstatus: 202 Loud\\r\\n\\r\\n"; tr a-z A-Z; echo " $QUERY_STRING $HTTP_X_TENANT"',
      ),
      "plain.sh": sh('printf "Status: 404 is what it says\\n\\n"; cat'),
      "strict.sh": sh("echo no head at all"),
      "wordy.sh": sh("head -c 100000 /dev/zero"),
      "long.sh": sh("head -c 9000000 /dev/zero"),
      "whole.ts": 'export default () => new Response("in an isolate")',
    },
    {
      functions: {
        shout: { env: { HTTP_X_TENANT: "mine" } },
        plain: { contract: "command" },
        strict: { contract: "cgi" },
        wordy: { output: "50k" },
        early: { process: { call: "http" } },
        old: { methods: ["POST"] },
        ...(sum === null ? {} : { sum: { source: sum } }),
      },
    },
  );
});
after(async () => {
  await server.stop();
  rmSync(built, { recursive: true, force: true });
});

async function wayOf(functionId: string): Promise<string | null> {
  return (await server.statsOf(functionId))?.process?.way ?? null;
}

test("a Python program is called by the ring, with the parameters of its route", { skip: NO_PYTHON }, async () => {
  const answer = await server.get("/py/Ada?n=3", { method: "POST", body: "x".repeat(200_000) });
  assert.equal(answer.status, 200);
  const { hello, n, body } = (await answer.json()) as { hello: string; n: string; body: string };
  assert.deepEqual([hello, n, body.length], ["Ada", "3", 200_000]);
  assert.equal(await wayOf("py/[name]"), "ring");
});

test("a Node program is called by messages", async () => {
  const answer = await server.get("/words", { method: "POST", body: "one two three" });
  assert.deepEqual([answer.status, await answer.text()], [203, "3\n"]);
  assert.match((await wayOf("words")) ?? "", /^(?:ring|frames)$/);
});

test("a C program is called by the ring", { skip: sum === null && "NOT TESTED: this machine has no C compiler" }, async () => {
  const answer = await server.get("/sum?x", { method: "POST", body: "abc" });
  assert.equal(await answer.text(), "294 /sum?x");
  assert.equal(await wayOf("sum"), "ring");
});

test("an HTTP server that knows nothing of us is called by HTTP, unchanged", { skip: NO_PYTHON }, async () => {
  for (const body of ["desserts", "diaper"]) {
    const answer = await server.get("/old", { method: "POST", body });
    assert.deepEqual([answer.status, await answer.text()], [201, [...body].reverse().join("")]);
    assert.match(answer.headers.get("x-served-by") ?? "", /^BaseHTTP/);
  }
  assert.equal(await wayOf("old"), "http");
  assert.equal((await server.get("/old")).status, 405);
});

test("one that says READY before it listens is waited for", { skip: NO_PYTHON }, async () => {
  assert.equal(await (await server.get("/early")).text(), "early early");
});

test("a shell script is called once for each call: CGI where it writes a head", async () => {
  const answers = await Promise.all(["one", "two", "three"].map((body) => server.get(`/shout?${body}`, { method: "POST", body })));
  assert.deepEqual(
    await Promise.all(answers.map((answer) => answer.text())),
    ["one", "two", "three"].map((body) => `${body.toUpperCase()} ${body} mine\n`),
  );
  assert.deepEqual([answers[0]!.status, answers[0]!.headers.get("content-type")], [202, "text/shout"]);
  assert.equal(await wayOf("shout"), "stdio");
});

test("a client's header can't take the place of what the function's env says", async () => {
  const answer = await server.get("/shout", { method: "POST", body: "", headers: { "x-tenant": "another's" } });
  assert.match(await answer.text(), / mine\n$/);
});

test("contract says whether the output has a head, where it should not be guessed", async () => {
  const plain = await server.get("/plain", { method: "POST", body: "and more" });
  assert.deepEqual([plain.status, await plain.text()], [200, "Status: 404 is what it says\n\nand more"]);
  const strict = await server.get("/strict");
  assert.deepEqual([strict.status, (await strict.text()).includes("INVALID_ANSWER")], [500, true]);
});

test("output beyond its limit fails the call, and without one it is sent as it comes", async () => {
  const wordy = await server.get("/wordy");
  assert.deepEqual([wordy.status, (await wordy.text()).includes("OUTPUT_TOO_LARGE")], [500, true]);
  const long = await server.get("/long");
  assert.deepEqual([long.status, (await long.arrayBuffer()).byteLength], [200, 9_000_000]);
});

test("a handler that raises is answered 500, its trace is in the log, and it goes on", { skip: NO_PYTHON }, async () => {
  for (let call = 0; call < 2; call++) {
    const answer = await server.get("/raises");
    assert.deepEqual([answer.status, (await answer.text()).includes("HANDLER_THREW")], [500, true]);
  }
  const trace = await eventually("the trace is logged", async () =>
    (await server.logs("raises")).some(({ message, stack }) => `${message} ${stack}`.includes("KeyError: 'a colour'")),
  );
  assert.ok(trace);
  assert.equal((await server.statsOf("raises"))!.process!.restarts, 0);
});

test("functions of other engines are served beside them", async () => {
  assert.equal(await (await server.get("/whole")).text(), "in an isolate");
});
