/**
 * The health function as a process: in Python and Node by our ring and by frames,
 * as an unchanged program that serves HTTP, and in Python under Flask and gunicorn,
 * as it would be deployed without us. All answer what the other subjects answer.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Subject } from "./lab.ts";
import { pilotlight, ROOT, workFile, workFolder } from "./subjects.ts";

const PEERS = join(ROOT, ".cache/peers");
const FLASK_PACKAGES = ["flask", "gunicorn"];
/** gunicorn's plain workers close every connection; with threads they keep them, as our clients do. */
const GUNICORN_THREADS = 4;

export type ProcessWay = "ring" | "frames" | "http";
export type ProcessLanguage = "Python" | "Node";

const PROGRAMS: Readonly<Record<ProcessLanguage, { readonly library: string; readonly http: string }>> = {
  Python: {
    library: `#!/usr/bin/env python3
import json, os
import pilotlight

def handler(request):
    body = json.dumps({"status": "ok", "runtime": "python", "timestamp": 0}, separators=(",", ":"))
    return 200, {"content-type": "application/json"}, body

pilotlight.serve(handler, ahead=int(os.environ["AHEAD"]))
`,
    http: `#!/usr/bin/env python3
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = json.dumps({"status": "ok", "runtime": "python", "timestamp": 0}, separators=(",", ":")).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
`,
  },
  Node: {
    library: `#!/usr/bin/env node
import { Answer, serve } from "${join(ROOT, "guest/process/pilotlight.mjs")}";
serve(() => new Answer(JSON.stringify({ status: "ok", runtime: "node", timestamp: 0 }), { headers: { "content-type": "application/json" } }));
`,
    http: `#!/usr/bin/env node
import { createServer } from "node:http";
createServer((request, response) => {
  const body = JSON.stringify({ status: "ok", runtime: "node", timestamp: 0 });
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}).listen(Number(process.env.PORT), "127.0.0.1");
`,
  },
};

/** One instance: on one core a second would only take turns with it. */
export function processFunction(language: ProcessLanguage, way: ProcessWay, ahead = 0): Subject {
  const name = `process-${language}-${way}-${ahead}`.toLowerCase();
  const folder = workFolder(name);
  const file = workFile(
    `${name}/functions/api/health${language === "Node" ? "" : ".py"}`,
    PROGRAMS[language][way === "http" ? "http" : "library"],
  );
  chmodSync(file, 0o755);
  workFile(
    `${name}/pilotlight.yaml`,
    `functions: { api/health: { env: { AHEAD: "${ahead}" }, process: { call: ${way}, max: 1, min: 1, concurrency: 64, queue: 1000 } } }\n`,
  );
  return pilotlight({ folder, name: `pilotlight, ${language} process by ${way}${ahead === 0 ? "" : `, ${ahead} calls ahead`}` });
}

/** Flask as its documentation deploys it. */
export function flask(): Subject | { readonly unavailable: string } {
  const bin = join(PEERS, "flask/bin");
  const gunicorn = join(bin, "gunicorn");
  if (!existsSync(gunicorn)) {
    mkdirSync(PEERS, { recursive: true });
    const failed = run("python3", ["-m", "venv", join(PEERS, "flask")]) ?? run(join(bin, "pip"), ["install", "--quiet", ...FLASK_PACKAGES]);
    if (failed !== null) return { unavailable: `Flask can't be installed: ${failed}` };
  }
  const file = workFile(
    "flask-app/health.py",
    `from flask import Flask, jsonify
app = Flask(__name__)

@app.get("/api/health")
def health():
    return jsonify(status="ok", runtime="python", timestamp=0)
`,
  );
  const versions = spawnSync(join(bin, "pip"), ["list", "--format=freeze"], { encoding: "utf8" }).stdout;
  const versionOf = (name: string): string => new RegExp(`^${name}==(\\S+)`, "im").exec(versions)?.[1] ?? "";
  return {
    name: `Flask ${versionOf("flask")} under gunicorn ${versionOf("gunicorn")}, ${GUNICORN_THREADS} threads`,
    path: "/api/health",
    expect: '"status":"ok"',
    command: (port) => [
      gunicorn,
      "--chdir",
      join(file, ".."),
      "--bind",
      `127.0.0.1:${port}`,
      "--threads",
      String(GUNICORN_THREADS),
      "health:app",
    ],
  };
}

/** Null when it went well, else its last words. */
function run(program: string, args: readonly string[]): string | null {
  const { status, error, stderr } = spawnSync(program, args, { encoding: "utf8", timeout: 300_000 });
  if (status === 0) return null;
  return (error?.message ?? stderr).trim().split("\n").at(-1) ?? `${program} failed`;
}
