/** Servers that refuse, hang, die, lie and babble: each is an error with its own name, and never a fast success. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { after, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import type { Result } from "../src/base/result.ts";
import { type LoadOptions, makePlan } from "../src/lab/load/make-plan.ts";
import type { ErrorKind, LoadResult } from "../src/lab/load/result.ts";
import { runLoad } from "../src/lab/load/run-load.ts";
import { PAIR_ONE } from "./support/tls-pairs.ts";
import { unusedPort } from "./support/unused-port.ts";

const sockets = new Set<Socket>();
const servers: Server[] = [];

after(() => {
  for (const server of servers) server.close();
  for (const socket of sockets) socket.destroy();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Says this to whatever comes in, each time. */
async function saying(...pieces: (string | null)[]): Promise<number> {
  return listen(
    createServer({ noDelay: true }, (socket) => {
      socket.on("data", async () => {
        for (const piece of pieces) {
          if (piece === null) socket.end();
          else socket.write(piece, "latin1");
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
    }),
  );
}

/** Answers until so long after the first request, however late that comes; then nobody is there. */
async function dying(afterMs: number): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) =>
    socket.on("data", () => {
      server.emit("asked");
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    }),
  );
  const die = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  server.once("asked", () => setTimeout(die, afterMs));
  return listen(server);
}

async function run(port: number, options: Partial<LoadOptions> = {}): Promise<Result<LoadResult>> {
  const plan = makePlan({
    url: `http://127.0.0.1:${port}/`,
    connections: "2",
    requests: "6",
    duration: "5s",
    timeout: "250ms",
    ...options,
  });
  assert.ok(plan.ok, JSON.stringify(plan));
  return runLoad(plan.value);
}

async function runWhole(port: number, options: Partial<LoadOptions> = {}): Promise<LoadResult> {
  const result = await run(port, options);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

async function assertAllFail(port: number, kind: ErrorKind, message: RegExp, options: Partial<LoadOptions> = {}): Promise<void> {
  const result = await runWhole(port, options);
  assert.deepEqual([result.requestCount, result.failedCount], [6, 6]);
  assert.deepEqual(result.errors, { [kind]: 6 });
  assert.match(result.errorExamples[kind] ?? "", message);
  assert.equal(result.latency.count, 0);
}

test("a port where nobody listens is one failure before anything is sent", async () => {
  const result = await run(await unusedPort());
  assert.ok(!result.ok);
  assert.equal(result.failure.code, "LOAD_UNREACHABLE");
  assert.match(result.failure.message, /refused the connection/);
});

test("a name that leads nowhere is told as that", async () => {
  const result = await run(80, { url: "http://nowhere.invalid/" });
  assert.ok(!result.ok);
  assert.match(result.failure.message, /^Cannot find nowhere\.invalid: /);
});

test("a server that never answers ends every request at its timeout", async () => {
  const port = await listen(createServer((socket) => socket.resume()));
  await assertAllFail(port, "timeout", /no answer within 250 ms/);
});

test("in an open loop too, and what waited for a connection meanwhile has timed out with the rest", async () => {
  const port = await listen(createServer((socket) => socket.resume()));
  const result = await runWhole(port, { rate: "100", requests: "60" });
  assert.deepEqual([result.requestCount, result.errors.timeout], [60, 60]);
  assert.deepEqual(result.audit.invalidBecause, []);
});

test("a body that never ends is a timeout, not memory", async () => {
  const port = await listen(
    createServer((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        const flood = setInterval(() => socket.write("x".repeat(10_000)), 5);
        socket.on("close", () => clearInterval(flood));
      });
    }),
  );
  await assertAllFail(port, "timeout", /no end of the answer within 250 ms/);
});

test("a body shorter than its length is an answer that was cut", async () => {
  await assertAllFail(await saying("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort", null), "closed", /after 5 of 100 bytes/);
});

test("a body longer than its length is malformed", async () => {
  await assertAllFail(await saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nlonger"), "malformed", /4 bytes follow the end/);
});

test("bytes that nobody asked for are malformed, though they come late", async () => {
  const port = await listen(
    createServer({ noDelay: true }, (socket) => {
      socket.on("data", () => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        setTimeout(() => socket.writable && socket.write("and more"), 20);
      });
    }),
  );
  const { errors, errorExamples, audit } = await runWhole(port, { think: "60ms" });
  assert.match(audit.invalidBecause.join(), /bytes that no request had asked for/);
  assert.ok((errors.malformed ?? 0) > 0);
  assert.match(errorExamples.malformed ?? "", /8 bytes without a request: "and more"/);
});

test("what is no HTTP is malformed at once, whole or cut", async () => {
  for (const pieces of [
    ["SSH-2.0-OpenSSH_9.2\r\n"],
    ["S", "SH"],
    ["HTTP/1.1 2x0 OK\r\n\r\n"],
    ["HTTP/1.1 200 OK\r\nbroken line\r\n\r\n"],
  ]) {
    await assertAllFail(await saying(...pieces), "malformed", /the answer (?:begins with|has a header line)/);
  }
});

test("framing that two readers could read in two ways is malformed", async () => {
  for (const lines of [
    "content-length: 2\r\ntransfer-encoding: chunked",
    "content-length: 2\r\ncontent-length: 3",
    "content-length: +2",
    "transfer-encoding: gzip",
  ]) {
    await assertAllFail(await saying(`HTTP/1.1 200 OK\r\n${lines}\r\n\r\nok`), "malformed", /content-length|transfer-encoding/);
  }
  for (const body of ["2\r\nokay\r\n0\r\n\r\n", "x\r\n", "ffffffffffffffff\r\n"]) {
    await assertAllFail(await saying(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body}`), "malformed", /has a chunk/);
  }
});

test("a head without an end is bounded", async () => {
  await assertAllFail(await saying(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(70_000)}`), "malformed", /head of more than 65536 bytes/);
});

test("a server that closes every connection without an answer", async () => {
  const port = await listen(createServer((socket) => socket.once("data", () => socket.end())));
  await assertAllFail(port, "closed", /without an answer/);
});

test("a server that dies on the way: what it answered counts, the rest is named, and the run ends", async () => {
  let count = 0;
  const server = createServer((socket) => {
    socket.on("data", () => {
      if (++count <= 3) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
      else {
        server.close();
        // A reset takes with it what the other side has not read yet.
        setTimeout(() => {
          for (const each of sockets) each.resetAndDestroy();
        }, 50);
      }
    });
  });
  const result = await runWhole(await listen(server), { duration: "1s" });
  assert.equal(result.latency.count, 3);
  assert.equal(result.failedCount, 3);
  for (const kind of Object.keys(result.errors)) assert.match(kind, /^(?:reset|refused|closed)$/);
});

test("a server that stops listening under an open loop costs its requests, not the schedule", async () => {
  const port = await dying(500);
  const plan = makePlan({ url: `http://127.0.0.1:${port}/`, connections: "4", rate: "200", duration: "1500ms" });
  assert.ok(plan.ok);
  const result = await runLoad(plan.value);
  assert.ok(result.ok);
  assert.equal(result.value.requestCount, 300);
  assert.ok((result.value.errors.refused ?? 0) > 0);
  assert.ok(result.value.latency.count > 0);
});

test("a plain server asked for TLS, and a certificate nobody signed, are TLS failures with what to do", async () => {
  const plain = await saying("HTTP/1.1 400 Bad Request\r\n\r\n", null);
  const signedBySelf = await listen(createTlsServer({ cert: PAIR_ONE.cert, key: PAIR_ONE.key }, (socket) => socket.end()));
  for (const port of [plain, signedBySelf]) {
    const result = await run(port, { url: `https://127.0.0.1:${port}/` });
    assert.ok(!result.ok);
    assert.equal(result.failure.code, "LOAD_TLS_FAILED");
    assert.match(result.failure.hint ?? "", /--insecure/);
  }
});

test("TLS that holds: by its own certificate, or by none at all, with the handshake in a phase of its own", async () => {
  const port = await listen(
    createTlsServer({ cert: PAIR_ONE.cert, key: PAIR_ONE.key }, (socket) => {
      socket.on("error", () => {});
      socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
    }),
  );
  for (const options of [{ ca: PAIR_ONE.cert }, { insecure: true }, { insecure: true, keepsAlive: false }]) {
    const result = await runWhole(port, { url: `https://127.0.0.1:${port}/`, timeout: "5s", ...options });
    assert.deepEqual([result.requestCount, result.failedCount], [6, 0], JSON.stringify(result.errorExamples));
    assert.ok(result.phases.tls_handshaking.maxUs > 0);
  }
});

test("a server that goes away in an open loop fails what is due then, and is not the generator's fault", async () => {
  const port = await dying(700);
  const plan = makePlan({ url: `http://127.0.0.1:${port}/`, connections: "2", rate: "200", duration: "1s" });
  assert.ok(plan.ok);
  const result = await runLoad(plan.value);
  assert.ok(result.ok, JSON.stringify(result));
  const { requestCount, failedCount, audit, errors } = result.value;
  assert.equal(requestCount, 200);
  assert.ok(failedCount > 20 && (errors.refused ?? 0) > 20, JSON.stringify(errors));
  assert.deepEqual([audit.droppedCount, audit.dueCount], [0, 200]);
});

test("a header line of blanks costs no more time than its length", async () => {
  const blanks = " ".repeat(30_000);
  await assertAllFail(await saying(`HTTP/1.1 200 OK\r\nx: a${blanks}\0\r\n\r\n`), "malformed", /has a header line that is none/, {
    timeout: "5s",
  });
  const port = await saying(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx: a${blanks}b${blanks}\r\n\r\nok`);
  assert.equal((await runWhole(port, { timeout: "5s", "check-header": [`x: a${blanks}b`] })).failedCount, 0);
});

test("an option of the connection is a word of its own", async () => {
  const port = await saying("HTTP/1.1 200 OK\r\nconnection: x-not-close-d\r\ncontent-length: 2\r\n\r\nok");
  assert.equal((await runWhole(port)).connectionsOpened, 2);
});

test("a check that does not end within any deadline is ended, and said", { timeout: 60_000 }, async () => {
  const port = await saying(`HTTP/1.1 200 OK\r\ncontent-length: 41\r\n\r\n${"a".repeat(40)}b`);
  const result = await run(port, { "check-match": ["^(a+)+$"] });
  assert.ok(!result.ok);
  assert.equal(result.failure.code, "LOAD_THREAD_HUNG");
});

test("an answer to a request that has not left is none", async () => {
  const port = await listen(
    createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
      // Never reads: what is sent fills the buffers of both sides.
      const answers = setInterval(() => socket.writable && socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), 100);
      socket.on("close", () => clearInterval(answers));
    }),
  );
  const { failedCount, requestCount } = await runWhole(port, { data: Buffer.alloc(32 << 20), requests: "2", timeout: "2s" });
  assert.deepEqual([requestCount > 0, failedCount], [true, requestCount]);
});

test("a checked body of the smallest chunks is read as one", async () => {
  const body = `${"1\r\nx\r\n".repeat(3_000)}0\r\n\r\n`;
  const port = await saying(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body}`);
  const { failedCount } = await runWhole(port, { "check-match": ["^x{3000}$"], timeout: "5s" });
  assert.equal(failedCount, 0);
});
