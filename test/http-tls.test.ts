/**
 * TLS: the same listener behind certificates that are read from files and
 * read again when they change.
 */
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { createListener } from "../src/http/listener.ts";
import { echo, LIMITS, until } from "./support/http.ts";
import { PAIR_ONE, PAIR_TWO } from "./support/tls-pairs.ts";

function credentialFiles() {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-tls-"));
  const tls = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  const write = (pair: { cert: string; key: string }) => {
    writeFileSync(tls.certFile, pair.cert);
    writeFileSync(tls.keyFile, pair.key);
  };
  write(PAIR_ONE);
  return { tls, write };
}

async function listen(tls: { certFile: string; keyFile: string }) {
  const logged: string[] = [];
  const secure: boolean[] = [];
  const listener = createListener({
    limits: LIMITS,
    tls,
    onExchange: (exchange) => {
      secure.push(exchange.secure);
      echo(exchange);
    },
    log: (level, message) => logged.push(`${level}: ${message}`),
  });
  const port = await listener.listenTcp({ host: "127.0.0.1", port: 0 });
  return { port, logged, secure, [Symbol.asyncDispose]: () => listener.drain(0) };
}

function handshake(port: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2", "http/1.1"] }, () =>
      resolve(socket),
    );
    socket.on("error", reject);
  });
}

async function commonName(port: number): Promise<string> {
  const socket = await handshake(port);
  const name = String(socket.getPeerCertificate().subject.CN);
  socket.destroy();
  return name;
}

test("requests are served over TLS, http/1.1 by ALPN, and marked secure", async () => {
  await using server = await listen(credentialFiles().tls);
  const socket = await handshake(server.port);
  assert.equal(socket.alpnProtocol, "http/1.1");
  let text = "";
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
  });
  const body = "x".repeat(100_000);
  socket.write(`POST /tls HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
  socket.write(body);
  await until(() => text.includes(`"body":"${body}"`), "the echo");
  assert.deepEqual(server.secure, [true]);
  socket.destroy();
});

test("new certificate files are taken up, and bad ones leave the old in use", async () => {
  const { tls, write } = credentialFiles();
  await using server = await listen(tls);
  assert.equal(await commonName(server.port), PAIR_ONE.commonName);
  write({ cert: PAIR_TWO.cert, key: PAIR_ONE.key });
  await until(() => server.logged.some((line) => line.startsWith("error:")), "the mismatch is logged");
  assert.equal(await commonName(server.port), PAIR_ONE.commonName);
  write(PAIR_TWO);
  await until(() => server.logged.some((line) => line.startsWith("info:")), "the reload is logged");
  assert.equal(await commonName(server.port), PAIR_TWO.commonName);
});

test("files that are no pair are refused at start, with both names", async () => {
  const { tls, write } = credentialFiles();
  write({ cert: PAIR_ONE.cert, key: PAIR_TWO.key });
  await assert.rejects(listen(tls), (error: Error) => error.message.includes(tls.certFile) && error.message.includes(tls.keyFile));
});

test("a client that speaks plain HTTP to the TLS port is dropped and hurts nobody", async () => {
  await using server = await listen(credentialFiles().tls);
  await new Promise<void>((resolve) => {
    const socket = connectPlain(server.port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    socket.resume();
  });
  assert.equal(await commonName(server.port), PAIR_ONE.commonName);
});
