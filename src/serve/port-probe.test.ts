import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { unusedPort } from "../../test/support/unused-port.ts";
import { bindFailure, claimPort } from "./port-probe.ts";

const HOST = "127.0.0.1";

async function listen(options: { port: number; reusePort?: boolean }): Promise<{ server: Server; port: number }> {
  const server = createServer();
  server.listen({ host: HOST, ...options });
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

test("a free port is claimed and can then be bound by workers", async () => {
  const port = await unusedPort();
  const claim = await claimPort(HOST, port);
  assert.ok(claim.ok);
  const { server } = await listen({ port, reusePort: true });
  server.close();
  claim.value.release();
});

test("a port that workers share by reusePort is refused", { skip: process.platform !== "linux" }, async () => {
  const { server, port } = await listen({ port: 0, reusePort: true });
  const claim = await claimPort(HOST, port);
  assert.ok(!claim.ok);
  assert.equal(claim.failure.code, "PORT_IN_USE");
  assert.match(claim.failure.message, new RegExp(`127\\.0\\.0\\.1:${port}`));
  server.close();
});

test("a second claim is refused even while no worker listens", { skip: process.platform !== "linux" }, async () => {
  const port = await unusedPort();
  const first = await claimPort(HOST, port);
  assert.ok(first.ok);
  const second = await claimPort(HOST, port);
  assert.ok(!second.ok);
  assert.equal(second.failure.code, "PORT_IN_USE");
  first.value.release();
});

test("of many simultaneous claims exactly one wins", { skip: process.platform !== "linux" }, async () => {
  const port = await unusedPort();
  const claims = await Promise.all(Array.from({ length: 8 }, () => claimPort(HOST, port)));
  const winners = claims.filter((claim) => claim.ok);
  assert.equal(winners.length, 1);
  for (const claim of winners) claim.value.release();
});

test("a refused claim leaves nothing behind", async () => {
  const { server, port } = await listen({ port: 0 });
  assert.equal((await claimPort(HOST, port)).ok, false);
  server.close();
  await once(server, "close");
  const claim = await claimPort(HOST, port);
  assert.ok(claim.ok);
  claim.value.release();
});

test("clients that knock too early don't hold up the claim", async () => {
  const port = await unusedPort();
  // On a thread of their own: the probe listens for less than one turn of this loop.
  const clients = new Worker(KNOCK, { eval: true, workerData: { port, host: HOST } });
  await once(clients, "message");
  for (let round = 0; round < 300; round++) {
    const claim = await claimPort(HOST, port);
    assert.ok(claim.ok);
    claim.value.release();
  }
  await clients.terminate();
});

const KNOCK = `
  const { connect } = require("node:net");
  const { parentPort, workerData } = require("node:worker_threads");
  const knock = () => {
    const socket = connect(workerData.port, workerData.host);
    socket.on("error", () => {});
    socket.on("close", () => setImmediate(knock));
  };
  for (let client = 0; client < 4; client++) knock();
  parentPort.postMessage("knocking");
`;

test("port 0 is left to the first worker's bind", async () => {
  const claims = await Promise.all([claimPort(HOST, 0), claimPort(HOST, 0)]);
  assert.ok(claims.every((claim) => claim.ok));
});

test("an address this machine lacks is named", async () => {
  const claim = await claimPort("192.0.2.1", await unusedPort());
  assert.ok(!claim.ok);
  assert.equal(claim.failure.code, "HOST_UNAVAILABLE");
});

test("a forbidden port says who could allow it", () => {
  const failure = bindFailure(Object.assign(new Error("listen EACCES"), { code: "EACCES" }), "::1", 80);
  assert.equal(failure.code, "PORT_FORBIDDEN");
  assert.match(failure.message, /\[::1\]:80/);
  assert.match(failure.hint ?? "", /ip_unprivileged_port_start=80/);
});
