/** Answers as servers rightly send them, however framed and cut, and the checks made on them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { after, test } from "node:test";
import { type LoadOptions, makePlan } from "../src/lab/load/make-plan.ts";
import type { Checks } from "../src/lab/load/plan.ts";
import type { LoadResult } from "../src/lab/load/result.ts";
import { runLoad } from "../src/lab/load/run-load.ts";

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
});

/** Answers each request; `requests` are the heads and bodies that came, as text. */
async function serve(answer: (request: string) => string, options: { byteByByte?: boolean; thenEnds?: boolean } = {}) {
  const requests: string[] = [];
  let connectionCount = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    connectionCount++;
    socket.on("error", () => {});
    socket.on("data", async (bytes) => {
      for (const request of bytes.toString("latin1").split(/(?=GET \/|POST \/|HEAD \/)/)) {
        requests.push(request);
        const text = answer(request);
        if (options.byteByByte) {
          for (const character of text) {
            socket.write(character, "latin1");
            await new Promise((resolve) => setImmediate(resolve));
          }
        } else socket.write(text, "latin1");
        if (options.thenEnds) socket.end();
      }
    });
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, requests, connectionCount: () => connectionCount };
}

async function run(port: number, options: Partial<LoadOptions> = {}, checks: Partial<Checks> = {}): Promise<LoadResult> {
  const plan = makePlan({
    url: `http://127.0.0.1:${port}/path?q=1`,
    connections: "2",
    requests: "10",
    duration: "5s",
    timeout: "2s",
    ...options,
  });
  assert.ok(plan.ok, JSON.stringify(plan));
  const result = await runLoad({ ...plan.value, checks: { ...plan.value.checks, ...checks } });
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

const FRAMES: readonly (readonly [name: string, answer: string, thenEnds: boolean, options: Partial<LoadOptions>])[] = [
  ["a length", OK, false, {}],
  ["no body by its length", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false, {}],
  [
    "chunks, an extension and a trailer",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nok\r\nA\r\n0123456789\r\n0\r\nx: y\r\n\r\n",
    false,
    {},
  ],
  ["the end of the connection", "HTTP/1.1 200 OK\r\n\r\nok", true, {}],
  ["HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", true, {}],
  ["204", "HTTP/1.1 204 No Content\r\n\r\n", false, {}],
  ["304 with a length", "HTTP/1.1 304 Not Modified\r\ncontent-length: 500\r\n\r\n", false, {}],
  ["an answer to HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n", false, { method: "HEAD" }],
  ["early hints before the answer", `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${OK}`, false, {}],
  ["no reason phrase", "HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", false, {}],
];

for (const byteByByte of [false, true]) {
  for (const [name, answer, thenEnds, options] of FRAMES) {
    test(`an answer ends where it says: ${name}${byteByByte ? ", byte by byte" : ""}`, async () => {
      const { port } = await serve(() => answer, { byteByByte, thenEnds });
      const result = await run(port, options);
      assert.deepEqual([result.requestCount, result.failedCount], [10, 0], JSON.stringify(result.errorExamples));
    });
  }
}

test("a request is one write with what was asked, and its host", async () => {
  const { port, requests } = await serve(() => OK);
  await run(port, { headers: ["x-one: 1", "X-Two: zwei"], data: Buffer.from("häh"), requests: "1" });
  const head = `POST /path?q=1 HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nx-one: 1\r\nX-Two: zwei\r\ncontent-length: 4\r\n\r\n`;
  assert.deepEqual(requests, [head + Buffer.from("häh").toString("latin1")]);
});

test("template values are new in every request, over all threads, and the seed brings them back", async () => {
  const runs: string[][] = [];
  for (let round = 0; round < 2; round++) {
    const { port, requests } = await serve(() => OK);
    await run(port, { data: Buffer.from("{{sequence}} {{random}} {{uuid}}"), template: true, threads: "2", seed: "7" });
    runs.push(requests.map((request) => request.split("\r\n\r\n")[1]!).sort());
  }
  const [first, second] = runs as [string[], string[]];
  assert.deepEqual(first, second);
  assert.deepEqual(
    first.map((body) => Number(body.split(" ")[0])).sort((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  assert.equal(new Set(first.map((body) => body.split(" ")[1])).size, 10);
  assert.match(first[0]!, /^\d+ \d+ [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("kept-alive connections are as many as the users; without, as many as the requests", async () => {
  const kept = await serve(() => OK);
  // One more: whether anybody is there is asked by a connection of its own.
  await run(kept.port);
  assert.equal(kept.connectionCount(), 3);
  const anew = await serve(() => OK, { thenEnds: true });
  const result = await run(anew.port, { keepsAlive: false });
  assert.equal(anew.connectionCount(), 11);
  assert.match(anew.requests[0]!, /\r\nconnection: close\r\n/);
  assert.deepEqual([result.failedCount, result.connectionsOpened, result.phases.connecting.count], [0, 10, 10]);
  assert.ok(result.phases.connecting.minUs > 0);
});

test("a connection that was open before its first request is no part of what that request waited for", async () => {
  const slow = await serve(() => OK);
  const { openedAhead, phases, latency } = await run(slow.port);
  assert.deepEqual([openedAhead.count, phases.connecting.count], [2, 10]);
  assert.ok(openedAhead.connectingUs > 0);
  const inLatency = [phases.blocked, phases.sending, phases.waiting, phases.receiving].reduce((sum, { meanUs }) => sum + meanUs, 0);
  // Whole microseconds each.
  assert.ok(Math.abs(inLatency - latency.meanUs) <= 5, `${inLatency} of ${latency.meanUs} us`);
  const anew = await serve(() => OK, { thenEnds: true });
  assert.equal((await run(anew.port, { keepsAlive: false })).openedAhead.count, 0);
});

test("a user's request is due when it is sent: a timer that ends the thinking late is not the server's latency", async () => {
  const { port } = await serve(() => OK);
  const { latency, uncorrected } = await run(port, { connections: "1", requests: "60", think: "5ms" });
  // A timer is late by half a millisecond on average.
  const lateUs = latency.medianUs - uncorrected.medianUs;
  assert.ok(lateUs < 100, `${lateUs} us`);
});

test("bytes are those of the measured requests, in however short a run", async () => {
  const { port, requests } = await serve(() => OK);
  for (const options of [{}, {}, {}, { "warm-up": "50ms" }]) {
    const { sentBytes, receivedBytes } = await run(port, { connections: "1", ...options });
    assert.deepEqual([sentBytes, receivedBytes], [10 * requests.at(-1)!.length, 10 * OK.length]);
  }
});

test("a pipelined connection has as many requests under way as was asked, each with its own answer", async () => {
  const { port, requests } = await serve(() => OK);
  const result = await run(port, { pipelining: "4", requests: "40", connections: "1" });
  assert.deepEqual([result.requestCount, result.failedCount, requests.length], [40, 0, 40]);
});

test("a failed check is an error with an example, and no latency", async () => {
  const { port } = await serve(() => "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 11\r\n\r\nhello world");
  const cases: readonly (readonly [Partial<LoadOptions>, string, RegExp])[] = [
    [{ "check-status": ["201,202"] }, "check_status", /^status 200, not 201 or 202$/],
    [{ "check-header": ["Content-Type: application/json"] }, "check_header", /is "text\/html", not "application\/json"/],
    [{ "check-header": ["etag: x"] }, "check_header", /there is no header etag/],
    [{ "check-body": ["hello", "moon"] }, "check_body", /has no "moon": "hello world"/],
    [{ "check-match": ["^hello \\d+$"] }, "check_body", /does not match .*: "hello world"/],
  ];
  for (const [options, kind, message] of cases) {
    const result = await run(port, options);
    assert.deepEqual(result.errors, { [kind]: 10 });
    assert.match(result.errorExamples[kind as "check_body"] ?? "", message);
    assert.deepEqual([result.latency.count, result.uncorrected.count, result.failedCount], [0, 0, 10]);
  }
  const passing = await run(port, {
    "check-status": ["200"],
    "check-header": ["content-type: text/html"],
    "check-body": ["world"],
    "check-match": ["o w"],
  });
  assert.deepEqual([passing.failedCount, passing.latency.count], [0, 10]);
});

test("an answer is compared with the body that is expected, in whatever pieces it comes", async () => {
  const bodyIs = Buffer.from("hello world");
  const few = { requests: "2", connections: "1" };
  const frames = (body: string): string[] => [
    `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n${body.slice(0, 4)}\r\n${(body.length - 4).toString(16)}\r\n${body.slice(4)}\r\n0\r\n\r\n`,
  ];
  for (const byteByByte of [false, true]) {
    for (const frame of frames("hello world")) {
      const { port } = await serve(() => frame, { byteByByte });
      assert.deepEqual((await run(port, few, { bodyIs })).errors, {});
    }
    for (const frame of ["hello worle", "hello worl", "hello world!", "jello world"].flatMap(frames)) {
      const { port } = await serve(() => frame, { byteByByte });
      const result = await run(port, few, { bodyIs });
      assert.deepEqual(result.errors, { check_body: 2 });
      assert.match(result.errorExamples.check_body ?? "", /not, byte for byte, the expected one of 11 bytes/);
    }
  }
});

test("a status of 400 and more is a failure when nothing else is asked", async () => {
  const { port } = await serve(() => "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
  const result = await run(port);
  assert.deepEqual([result.errors, result.statuses], [{ check_status: 10 }, { "500": 10 }]);
});

test("the phases of a request add up to its latency, and warm-up is not counted", async () => {
  const { port, requests } = await serve(() => OK);
  const result = await run(port, { "warm-up": "200ms", rate: "100", requests: "20" });
  assert.equal(result.requestCount, 20);
  assert.equal(requests.length, 40);
  const sum = Object.values(result.phases).reduce((total, phase) => total + phase.meanUs, 0);
  assert.ok(Math.abs(sum - result.latency.meanUs) < result.latency.meanUs * 0.05 + 20, `${sum} and ${result.latency.meanUs}`);
});
