/** An Aetherless project as it lies there: its file, its verbs, and programs that speak its protocol and know nothing of us. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { pilotlight, startPilotlight } from "./support/cli.ts";
import { eventually } from "./support/fake-fleet.ts";
import { allOf, NO_PYTHON } from "./support/process-server.ts";
import { writeFunctions } from "./support/server.ts";
import { unusedPort } from "./support/unused-port.ts";

/** Not executable, and without an interpreter's line: Aetherless runs what ends with .py by python3. */
const GREETING = `import json, os, signal, socket, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Greeting(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"path": self.path, "word": os.environ["WORD"], "id": os.environ["AETHER_FUNCTION_ID"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *values):
        print("asked for", self.path, file=sys.stderr, flush=True)

server = HTTPServer(("127.0.0.1", int(os.environ["AETHER_TRIGGER_PORT"])), Greeting)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ready:
    ready.connect(os.environ["AETHER_SOCKET"])
    ready.sendall(b"READY")
server.serve_forever()
`;

const folder = mkdtempSync(join(tmpdir(), "pilotlight-aetherless-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function project(ports: readonly [number, number]): string {
  const functions = [
    ["greeting", ports[0], "hello"],
    ["parting", ports[1], "bye"],
  ] as const;
  const entries = functions.map(
    ([id, port, word]) =>
      `  - id: ${id}\n    memory_limit_mb: 128\n    trigger_port: ${port}\n    handler_path: handlers/greeting.py\n    timeout_ms: 20000\n    environment:\n      WORD: ${word}\n`,
  );
  return `orchestrator:\n  shm_buffer_size: 65536\n  warm_pool_size: 2\n  restore_timeout_ms: 15\nfunctions:\n${entries.join("")}`;
}

test("up serves each function on its trigger_port, list, stats and logs tell of it, and down ends it all", {
  skip: NO_PYTHON,
}, async () => {
  const ports = [await unusedPort(), await unusedPort()] as const;
  writeFunctions(folder, { "handlers/greeting.py": GREETING, "aetherless.yaml": project(ports) });
  const admin = `127.0.0.1:${await unusedPort()}`;
  const child = startPilotlight(["up", "-f", "-w", "1", "--admin", admin], { cwd: folder });
  const ended = once(child, "exit") as Promise<[number | null]>;
  try {
    child.stderr!.resume();
    createInterface({ input: child.stdout! }).on("line", () => {});
    const askOf = async (port: number, path: string): Promise<unknown> => (await fetch(`http://127.0.0.1:${port}${path}`)).json();
    const first = await eventually("the first answers", () => askOf(ports[0], "/any/path?x=1"));
    assert.deepEqual(first, { path: "/any/path?x=1", word: "hello", id: "greeting" });
    assert.deepEqual(await askOf(ports[1], "/"), { path: "/", word: "bye", id: "parting" });

    const list = await pilotlight(["list", "--admin", admin], { cwd: folder });
    assert.match(list.stdout, new RegExp(`greeting.*${ports[0]}`), list.stderr);
    const stats = await pilotlight(["stats", "--admin", admin], { cwd: folder });
    assert.match(stats.stdout, /^greeting +http .*1 Running/m, stats.stderr);
    const logs = await eventually("what it prints is its log", async () => {
      const { stdout } = await pilotlight(["logs", "greeting", "--admin", admin], { cwd: folder });
      return stdout.includes("asked for /any/path") ? stdout : null;
    });
    assert.doesNotMatch(logs, /asked for \/$/m);

    const down = await pilotlight(["down", "--admin", admin], { cwd: folder });
    assert.deepEqual([down.status, /^Stopped/.test(down.stdout)], [0, true], down.stderr);
    assert.equal((await ended)[0], 0);
    assert.deepEqual(allOf(join(folder, ".pilotlight")), []);
    const again = await pilotlight(["down", "--admin", admin], { cwd: folder });
    assert.notEqual(again.status, 0);
  } finally {
    child.kill("SIGKILL");
  }
});

test("validate takes the file as it is, and says which of its limits hold here", { skip: NO_PYTHON }, async () => {
  writeFunctions(folder, { "handlers/greeting.py": GREETING, "aetherless.yaml": project([4_001, 4_002]) });
  const { status, stdout, stderr } = await pilotlight(["validate", "aetherless.yaml"], { cwd: folder });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /memory 128m/);
});

test("what Aetherless refuses is refused, and so is what it passes over: with 2, by its key", async () => {
  writeFunctions(folder, { "handlers/greeting.py": GREETING });
  const good = project([4_001, 4_002]);
  for (const [bad, wanted] of [
    [good.replace("4002", "4001"), /functions\[1\]\.trigger_port.*4001 is that of greeting too/],
    [good.replace("id: parting", "id: greeting"), /functions\[1\]\.id.*"greeting" is there twice/],
    [
      good.replace("memory_limit_mb: 128", "memory_limit_mb: 0"),
      /functions\[0\]\.memory_limit_mb 0 is not a number of megabytes: use 1 to 16384/,
    ],
    [good.replace("restore_timeout_ms: 15", "restore_timeout_ms: 101"), /orchestrator\.restore_timeout_ms 101 is not/],
    [good.replace("handlers/greeting.py", "handlers/nobody.py"), /functions\[0\]\.handler_path.*"handlers\/nobody\.py" is not there/],
    [good.replace("timeout_ms: 20000", "time_out_ms: 20000"), /functions\[0\]\.time_out_ms.*timeout_ms/],
    ["functions: []\n", /functions.*lists no function/],
  ] as const) {
    writeFileSync(join(folder, "aetherless.yaml"), bad);
    const { status, stderr } = await pilotlight(["up", "--admin", "off"], { cwd: folder });
    assert.deepEqual([status, wanted.test(stderr)], [2, true], stderr);
  }
});
