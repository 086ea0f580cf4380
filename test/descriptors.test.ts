/** More connections than a server may open files: it serves on, and says so once. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { eventually } from "./support/fake-fleet.ts";

const BIN = join(import.meta.dirname, "../bin/pilotlight.js");
const FUNCTION = `let calls = 0; export default () => new Response(String(++calls));`;

function fetchText(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, async (response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      resolve(text);
    });
    request.on("error", reject);
  });
}

test("with every descriptor wanted by a client the worker lives and serves", {
  skip: process.platform !== "linux",
  timeout: 60_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "descriptors-"));
  writeFileSync(join(folder, "count.js"), FUNCTION);
  const serve = [process.execPath, BIN, "serve", folder, "-w", "1", "-p", "0", "--admin", "off", "--json", "-q"];
  const child = spawn("sh", ["-c", 'ulimit -n 200; exec "$@"', "sh", ...serve], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", (line) => lines.push(line));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const sockets: Socket[] = [];
  try {
    const url = await eventually("it listens", () => /http:\/\/127\.0\.0\.1:\d+/.exec(lines.join("\n"))?.[0]);
    assert.equal(await fetchText(`${url}/count`, agent), "1");
    for (let i = 0; i < 400; i++) {
      const socket = connect(Number(new URL(url).port), "127.0.0.1");
      socket.on("error", () => {});
      sockets.push(socket);
    }
    await eventually("connections are turned away", () => sockets.some((socket) => socket.bytesRead > 0));
    // The state of the function is that of the worker: another worker would count anew.
    for (let call = 2; call < 30; call++) {
      assert.equal(await fetchText(`${url}/count`, agent), String(call));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(lines.filter((line) => line.includes("http.connections_max")).length, 1, lines.join("\n"));
    assert.equal(lines.filter((line) => line.includes("Cannot accept")).length, 0, lines.join("\n"));
  } finally {
    for (const socket of sockets) socket.destroy();
    agent.destroy();
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("exit", resolve));
    rmSync(folder, { recursive: true, force: true });
  }
});
