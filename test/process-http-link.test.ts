/**
 * Calls to programs that serve HTTP and know nothing of us: Node's own server as
 * an honest one, and sockets that say what no server should.
 */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import type { HttpTarget } from "../src/engines/process/links/http-call.ts";
import { HttpLink } from "../src/engines/process/links/http-link.ts";
import type { CallEnd } from "../src/engines/process/links/link.ts";
import { type FakeCall, type FakeRequest, fakeCall } from "./support/fake-exchange.ts";

const GIVEN_UP = { code: "CALL_TIMEOUT", message: "it took too long" } as const;
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Program {
  readonly link: HttpLink;
  readonly target: HttpTarget;
  readonly broken: string[];
  begin(request?: FakeRequest): FakeCall & { readonly ended: Promise<CallEnd>; abandon(): void };
}

function linked(target: HttpTarget): Program {
  const link = new HttpLink({ functionId: "fn", target });
  const broken: string[] = [];
  link.onBroken = (why) => broken.push(why);
  closing.push(() => link.close("the test is over"));
  return {
    link,
    target,
    broken,
    begin(request = {}) {
      const fake = fakeCall(request);
      const ended = Promise.withResolvers<CallEnd>();
      let hasBegun = false;
      let endCount = 0;
      const open = link.begin(fake.call, (end) => {
        assert.ok(hasBegun, "the end was told within begin");
        assert.equal(++endCount, 1, "the end was told twice");
        ended.resolve(end);
      });
      hasBegun = true;
      return { ...fake, ended: ended.promise, abandon: () => open.abandon(GIVEN_UP) };
    },
  };
}

/** An honest program. */
async function serving(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Program & { readonly server: Server }> {
  const server = createHttpServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { ...linked({ host: "127.0.0.1", port: (server.address() as AddressInfo).port }), server };
}

/** One that says what it is told to, connection by connection, when a request's head has come. */
async function saying(say: (socket: Socket, requestCount: number) => void): Promise<Program & { readonly sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    let requestCount = 0;
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end !== -1; end = text.indexOf("\r\n\r\n")) {
        text = text.slice(end + 4);
        say(socket, ++requestCount);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { ...linked({ host: "127.0.0.1", port: (server.address() as AddressInfo).port }), sockets };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

test("a request arrives as it was sent, with what only we know of its client", async () => {
  const { begin } = await serving(async (request, response) => {
    const { method, url, headers } = request;
    const body = (await bodyOf(request)).toString();
    response.writeHead(201, { "X-From": "program", "Set-Cookie": ["a=1", "b=2"] });
    response.end(JSON.stringify({ method, url, headers, body }));
  });
  const call = begin({
    method: "PUT",
    target: "/p?q=1",
    remoteAddress: "192.0.2.7",
    headers: {
      "X-One": "1",
      Connection: "X-Private",
      "X-Private": "2",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Host": "forged.example",
    },
    body: "hello",
  });
  assert.deepEqual(await call.ended, { kind: "answered" });
  const answer = await call.answer;
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get("x-from"), "program");
  const seen = JSON.parse(answer.body.toString());
  assert.deepEqual([seen.method, seen.url, seen.body], ["PUT", "/p?q=1", "hello"]);
  const { host, "x-one": one, "x-private": hidden, "x-request-id": id } = seen.headers;
  assert.deepEqual([host, one, hidden, id], ["127.0.0.1", "1", undefined, "probe"]);
  assert.equal(seen.headers["x-forwarded-for"], "192.0.2.7");
  assert.deepEqual([seen.headers["x-forwarded-proto"], seen.headers["x-forwarded-host"]], ["http", "127.0.0.1"]);
});

test("who the client is comes behind what it says of itself", async () => {
  const { begin } = await serving((request, response) => response.end(request.headers["x-forwarded-for"]));
  const call = begin({ headers: { "X-Forwarded-For": "10.0.0.1, 10.0.0.2" }, remoteAddress: "192.0.2.7" });
  assert.equal((await call.answer).body.toString(), "10.0.0.1, 10.0.0.2, 192.0.2.7");
});

test("a program on a unix socket is called there", async () => {
  const socketPath = join(mkdtempSync(join(tmpdir(), "pilotlight-http-")), "s");
  const server = createHttpServer((_request, response) => response.end("by socket"));
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  closing.push(() => server.close());
  const { begin, link } = linked({ socketPath });
  assert.equal((await begin().answer).body.toString(), "by socket");
  assert.equal(await link.isHealthy(10_000), true);
});

test("bodies stream both ways, and each call has a connection of its own", async () => {
  let connectionCount = 0;
  const { begin, server } = await serving((request, response) => request.pipe(response));
  server.on("connection", () => connectionCount++);
  const body = Buffer.alloc(2_000_000, "abcdefg");
  for (const chunkBytes of [undefined, 100_000]) {
    const request = chunkBytes === undefined ? {} : { chunkBytes };
    const call = begin({ method: "POST", body, ...request });
    assert.ok((await call.answer).body.equals(body));
    assert.deepEqual(await call.ended, { kind: "answered" });
  }
  assert.equal(connectionCount, 2);
});

test("a program that answers before it has read the request has answered", async () => {
  const { begin } = await serving((_request, response) => {
    response.writeHead(413).end("too much");
  });
  const call = begin({ method: "POST", body: Buffer.alloc(50_000_000), chunkBytes: 1_000_000 });
  assert.equal((await call.answer).status, 413);
  assert.deepEqual(await call.ended, { kind: "answered" });
});

test("a slow client slows its program down", async () => {
  let isHeldUp: (() => void) | null = null;
  const heldUp = new Promise<void>((resolve) => {
    isHeldUp = resolve;
  });
  const chunk = Buffer.alloc(64 * 1024, "x");
  let chunkCount = 0;
  const { begin } = await serving((_request, response) => {
    const more = (): void => {
      while (chunkCount < 400) {
        chunkCount++;
        if (!response.write(chunk)) {
          // The kernel's buffers are full when no drain comes.
          response.once("drain", more);
          return;
        }
      }
      response.end();
    };
    response.on("close", () => isHeldUp?.());
    more();
  });
  const call = begin({ isSlow: true });
  let isOver = false;
  void call.answer.then(() => {
    isOver = true;
  });
  // As many turns without a drain as an unhindered answer would need many times over.
  for (let turn = 0; turn < 2_000; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isOver, false);
  while (!isOver) {
    call.drain();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal((await call.answer).body.length, 400 * chunk.length);
  await heldUp;
});

test("answers that end with their connection, and interim ones before them, are understood", async () => {
  const cases: [string, number, string][] = [
    ["HTTP/1.0 200 OK\r\n\r\nall of it", 200, "all of it"],
    ["HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", 200, ""],
    [
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok",
      202,
      "ok",
    ],
    ["HTTP/1.1 204 No Content\r\n\r\n", 204, ""],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nTrailer: x\r\n\r\n", 200, "ok"],
  ];
  for (const [text, status, body] of cases) {
    const { begin } = await saying((socket) => socket.end(text));
    const call = begin();
    const answer = await call.answer;
    assert.deepEqual([answer.status, answer.body.toString()], [status, body], text);
    assert.deepEqual(await call.ended, { kind: "answered" });
  }
});

test("what is no answer fails the call, and nothing of it reaches the client", async () => {
  const cases: [string, RegExp][] = [
    ["hello\r\n\r\n", /no HTTP/],
    ["HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n", /no HTTP|its status is 99/],
    ["HTTP/1.1 999 High\r\nContent-Length: 0\r\n\r\n", /its status is 999/],
    ["HTTP/1.1 200 OK\r\nno colon\r\n\r\n", /no HTTP/],
    ["HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", /no HTTP|no header line/],
    ["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", /no HTTP/],
    ["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", /no HTTP/],
    ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", /changes the protocol/],
    ["HTTP/1.1 101 Switching Protocols\r\n\r\n", /its status is 101|changes the protocol/],
    [`HTTP/1.1 200 OK\r\nA: ${"x".repeat(300_000)}\r\n\r\n`, /no HTTP|no header line/],
  ];
  for (const [text, expected] of cases) {
    const { begin, broken } = await saying((socket) => socket.write(text, "latin1"));
    const call = begin();
    const end = await call.ended;
    assert.ok(end.kind === "failed" && !end.isSpent, text.slice(0, 60));
    assert.equal(end.failure.code, "INVALID_ANSWER", `${text.slice(0, 60)}: ${end.failure.message}`);
    assert.match(end.failure.message, expected);
    assert.equal(call.call.exchange.answered, false);
    assert.deepEqual(broken, []);
  }
});

test("an answer that breaks off is a failure behind its beginning", async () => {
  for (const text of [
    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
  ]) {
    const { begin } = await saying((socket) => socket.end(text));
    const call = begin();
    const end = await call.ended;
    assert.ok(end.kind === "failed");
    assert.equal(end.failure.code, "SANDBOX_LOST");
    assert.equal(call.call.exchange.answered, true);
  }
  const { begin } = await saying((socket) => socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n"));
  const end = await begin().ended;
  assert.ok(end.kind === "failed");
  assert.equal(end.failure.code, "INVALID_ANSWER");
});

test("a request that reached a program is not repeated here, whatever its method", async () => {
  for (const method of ["GET", "PUT", "POST"]) {
    const silent = await saying((socket) => socket.destroy());
    assert.equal((await silent.begin({ method }).ended).kind, "failed", method);
    const half = await saying((socket) => socket.end("HTTP/1.1 200 OK\r\nConten"));
    assert.equal((await half.begin({ method }).ended).kind, "failed", method);
  }
});

test("what a program writes behind an answer is nobody else's: a body after HEAD, and a second answer that comes late", async () => {
  const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON";
  for (const method of ["HEAD", "GET"]) {
    const { begin } = await saying((socket) => {
      socket.write(
        method === "HEAD" ? `HTTP/1.1 200 OK\r\nContent-Length: ${poison.length}\r\n\r\n` : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      );
      setImmediate(() => socket.write(poison));
    });
    for (let count = 0; count < 20; count++) {
      const { body } = await begin({ method }).answer;
      assert.equal(body.length, 0);
    }
  }
});

test("where nobody listens nothing was sent, and the instance is of no use", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  for (const target of [{ host: "127.0.0.1", port }, { socketPath: join(tmpdir(), "pilotlight-nobody-is-here") }]) {
    const { begin, broken, link } = linked(target);
    const calls = [begin(), begin({ method: "POST", body: "x", chunkBytes: 1 })];
    for (const { ended } of calls) assert.equal((await ended).kind, "unsent");
    assert.equal(broken.length, 1);
    assert.match(broken[0]!, /takes no connections/);
    assert.equal(await link.isHealthy(10_000), false);
  }
});

test("a program that answers twice is heard once, and the next call gets its own answer", async () => {
  const { begin, sockets } = await saying((socket) => {
    const connection = sockets.length;
    const once = `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${connection}`;
    socket.write(connection === 1 ? once + once.replace(/1$/, "2") : once.replace(/.$/, "3"));
  });
  assert.equal((await begin().answer).body.toString(), "1");
  assert.equal((await begin().answer).body.toString(), "3");
});

test("a call that is given up ends at once, and the program sees its connection close", async () => {
  const seen = Promise.withResolvers<Socket>();
  const { begin } = await saying((socket) => seen.resolve(socket));
  const call = begin();
  const socket = await seen.promise;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  call.abandon();
  call.abandon();
  assert.deepEqual(await call.ended, { kind: "failed", failure: GIVEN_UP, isSpent: false });
  await closed;
  const early = begin();
  early.abandon();
  assert.equal((await early.ended).kind, "failed");
});

test("a body that breaks off ends its call, and the program is not told that it was whole", async () => {
  let wasWhole = false;
  const { begin, server } = await serving((request) => {
    request.on("error", () => {});
    request.on("end", () => {
      wasWhole = true;
    });
    request.resume();
  });
  const closed = new Promise((resolve) => server.once("connection", (socket) => socket.once("close", resolve)));
  const call = begin({ method: "POST", body: Buffer.alloc(300_000), chunkBytes: 100_000, bodyFails: "BODY_TIMEOUT" });
  assert.deepEqual(await call.ended, { kind: "failed", failure: { code: "BODY_FAILED", message: "BODY_TIMEOUT" }, isSpent: false });
  await closed;
  assert.equal(wasWhole, false);
});

test("a link that is closed ends its calls, and takes no more", async () => {
  const seen = Promise.withResolvers<void>();
  const { begin, link } = await saying(() => seen.resolve());
  const call = begin();
  await seen.promise;
  const unconnected = begin();
  link.close("exit code 1");
  const end = await call.ended;
  assert.ok(end.kind === "failed" && end.isSpent);
  assert.match(end.failure.message, /exit code 1/);
  assert.equal((await unconnected.ended).kind, "unsent");
  assert.equal((await begin().ended).kind, "unsent");
  assert.equal(await link.isHealthy(1), false);
});
