/** A client that ends its side and waits gets its answer, whichever lane the function runs in. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createServer, type Server } from "../src/index.ts";

const FUNCTION = `export default async (request) => {
  let isTold = false;
  request.signal.addEventListener("abort", () => { isTold = true; });
  if (request.url.endsWith("?late")) await new Promise((resolve) => setTimeout(resolve, 50));
  return new Response("told: " + isTold);
};`;
/** Enough quick calls that a function is trusted with the loop lane. */
const WARM_CALLS = 60;

const folder = mkdtempSync(join(tmpdir(), "half-closed-"));
let server: Server;
let port = 0;

before(async () => {
  for (const id of ["cold", "warm", "apart"]) writeFileSync(join(folder, `${id}.js`), FUNCTION);
  writeFileSync(join(folder, "pilotlight.yaml"), "functions:\n  apart:\n    isolation: process\n");
  server = createServer(
    { path: folder, dataDir: join(folder, ".pilotlight"), port: 0, workers: 1, admin: false, quiet: true },
    { onLog: () => {} },
  );
  ({ port } = await server.start());
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function halfClosed(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () => socket.end(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`));
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes;
    });
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
  });
}

for (const id of ["cold", "warm", "apart"]) {
  test(`a function answers a half-closed client, and hears of it: ${id}`, async () => {
    if (id === "warm") for (let call = 0; call < WARM_CALLS; call++) await (await fetch(`http://127.0.0.1:${port}/warm`)).text();
    assert.match(await halfClosed(`/${id}`), /^HTTP\/1\.1 200 OK\r\n.*told: /s);
    assert.match(await halfClosed(`/${id}?late`), /^HTTP\/1\.1 200 OK\r\n.*told: true$/s);
  });
}
