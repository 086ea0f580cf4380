/** The mirror's requests to an index that behaves, is busy, or is gone for a while. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { UpstreamError } from "../src/mirror/upstream/upstream.ts";
import { until } from "./support/http.ts";
import { answerOf, clientOf, failureOf, httpIndex, textOf } from "./support/loopback-index.ts";
import { unusedPort } from "./support/unused-port.ts";

test("an answer comes with its headers and its bytes as they were sent", async () => {
  await using index = await httpIndex((request, response) => {
    response.writeHead(200, { "content-type": "text/html", "content-encoding": "gzip", etag: '"x"', "x-many": ["one", "two"] });
    response.end(`not really gzip, for ${request.headers["accept"]}`);
  });
  await using client = clientOf(index.origin);
  const answer = await answerOf(client.get("/simple/a/", { headers: { accept: "text/html", "accept-encoding": "gzip" } }));
  assert.equal(answer.status, 200);
  assert.equal(answer.url, `${index.origin}/simple/a/`);
  assert.equal(answer.header("etag"), '"x"');
  assert.equal(answer.header("x-many"), "one, two");
  assert.equal(answer.header("x-none"), null);
  assert.equal(answer.header("constructor"), null);
  assert.equal(await textOf(answer), "not really gzip, for text/html");
  assert.equal(index.requests[0]?.headers["accept-encoding"], "gzip");
  assert.match(index.requests[0]?.headers["user-agent"] ?? "", /^pilotlight\//);
});

test("headers may be longer than most servers allow", async () => {
  const long = "x".repeat(50_000);
  await using index = await httpIndex((_request, response) => response.writeHead(200, { "x-long": long }).end());
  await using client = clientOf(index.origin);
  assert.equal((await answerOf(client.get("/simple/a/"))).header("x-long"), long);
});

test("HEAD and 304 end without a body", async () => {
  await using index = await httpIndex((request, response) => {
    if (request.headers["if-none-match"] === undefined) response.writeHead(200, { "content-length": "5000" });
    else response.writeHead(304, { etag: '"x"' });
    response.end();
  });
  await using client = clientOf(index.origin);
  const head = await answerOf(client.get("/simple/a/", { method: "HEAD" }));
  assert.equal(head.header("content-length"), "5000");
  assert.equal(await textOf(head), "");
  const unchanged = await answerOf(client.get("/simple/a/", { headers: { "if-none-match": '"x"' } }));
  assert.equal(unchanged.status, 304);
  assert.equal(await textOf(unchanged), "");
});

test("connections are kept, after bodies that were read and after those that were dropped", async () => {
  let finish = (): void => {};
  await using index = await httpIndex((_request, response) => {
    response.write("the beginning, ");
    finish = () => void response.end("the rest");
  });
  await using client = clientOf(index.origin);
  for (let count = 0; count < 20; count++) {
    const answer = await answerOf(client.get("/simple/a/"));
    if (count % 2 === 0) answer.discard();
    finish();
    if (count % 2 === 1) assert.equal(await textOf(answer), "the beginning, the rest");
  }
  // A second one while the rest of a dropped body is still read; by the request after that it is free again.
  assert.ok(index.connectionCount <= 2, `${index.connectionCount} connections`);
});

test("not there, gone and out of range are answers; other statuses are failures", async () => {
  await using index = await httpIndex((request, response) => {
    response.writeHead(Number(request.url?.slice(1))).end("reason");
  });
  await using client = clientOf(index.origin);
  for (const status of [404, 410, 416]) {
    const answer = await answerOf(client.get(`/${status}`));
    assert.equal(answer.status, status);
    answer.discard();
  }
  for (const status of [201, 204, 300, 400, 401, 403, 500, 503]) {
    assert.deepEqual(await failureOf(client.get(`/${status}`)), {
      code: "UPSTREAM_STATUS",
      url: `${index.origin}/${status}`,
      status,
      retryAfterMs: null,
    });
  }
});

test("a slow body that keeps moving takes as long as it needs", async () => {
  await using index = await httpIndex(async (_request, response) => {
    // Ten times a third of the silence that would end it.
    for (let count = 0; count < 10; count++) {
      response.write("x");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    response.end();
  });
  await using client = clientOf(index.origin, { readTimeoutMs: 600 });
  assert.equal(await textOf(await answerOf(client.get("/slow"))), "xxxxxxxxxx");
});

test("a reader that takes its time holds the sender back, and isn't taken for silence", async () => {
  const wholeBytes = 32 * 1024 * 1024;
  let sentBytes = 0;
  await using index = await httpIndex(async (_request, response) => {
    response.writeHead(200, { "content-length": wholeBytes });
    const block = Buffer.alloc(64 * 1024);
    const closed = once(response, "close");
    for (; sentBytes < wholeBytes && !response.destroyed; sentBytes += block.length) {
      if (!response.write(block)) await Promise.race([once(response, "drain"), closed]);
    }
    response.end();
  });
  await using client = clientOf(index.origin, { readTimeoutMs: 300 });
  const answer = await answerOf(client.get("/large"));
  let gotBytes = 0;
  for await (const chunk of answer.body) {
    if (gotBytes === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      assert.ok(sentBytes < wholeBytes, `${sentBytes} bytes left the sender while nobody read`);
    }
    gotBytes += chunk.byteLength;
  }
  assert.equal(gotBytes, wholeBytes);
});

test("to leave the loop is to end the request", async () => {
  let isClosed = false;
  await using index = await httpIndex((_request, response) => {
    response.on("close", () => {
      isClosed = true;
    });
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(64 * 1024)));
      response.once("drain", more);
    };
    more();
  });
  await using client = clientOf(index.origin);
  for await (const chunk of (await answerOf(client.get("/endless"))).body) if (chunk.byteLength > 0) break;
  await until(() => isClosed, "the connection ends");
  (await answerOf(client.get("/endless"))).discard();
});

test("what may pass is asked again, each wait twice the last, until an answer comes", async () => {
  let count = 0;
  await using index = await httpIndex((_request, response) => response.writeHead(++count < 4 ? 503 : 200).end("at last"));
  await using client = clientOf(index.origin, { retriesMax: 3 });
  assert.equal(await textOf(await answerOf(client.get("/simple/a/"))), "at last");
  assert.deepEqual(client.sleptMs, [100, 200, 400]);
});

test("one request alone gets all its attempts, before its index is held to be down", async () => {
  let count = 0;
  await using index = await httpIndex((_request, response) => response.writeHead(++count < 9 ? 503 : 200).end("at last"));
  await using client = clientOf(index.origin, { retriesMax: 8 });
  assert.equal(await textOf(await answerOf(client.get("/simple/a/"))), "at last");
});

test("after so many attempts the last failure is the answer; what won't pass is asked once", async () => {
  await using index = await httpIndex((request, response) => response.writeHead(Number(request.url?.slice(1))).end());
  await using client = clientOf(index.origin, { retriesMax: 2 });
  assert.equal((await failureOf(client.get("/502"))).code, "UPSTREAM_STATUS");
  assert.equal(index.requests.length, 3);
  await failureOf(client.get("/403"));
  assert.equal(index.requests.length, 4);
});

test("Retry-After is waited for when it is short, and told when it is long", async () => {
  const waits = ["3", "120"];
  await using index = await httpIndex((_request, response) => response.writeHead(429, { "retry-after": waits.shift() ?? "0" }).end());
  await using client = clientOf(index.origin, { retriesMax: 5 });
  const failure = await failureOf(client.get("/simple/a/"));
  assert.deepEqual(client.sleptMs, [3_000]);
  assert.deepEqual(failure.code === "UPSTREAM_STATUS" && [failure.status, failure.retryAfterMs], [429, 120_000]);
});

test("nobody who has given up is waited for", async () => {
  await using index = await httpIndex((request, response) => {
    if (request.url === "/503") response.writeHead(503).end();
  });
  const controller = new AbortController();
  await using client = clientOf(index.origin, { retriesMax: 9 }, { sleep: () => new Promise(() => controller.abort()) });
  assert.match(JSON.stringify(await failureOf(client.get("/503", { signal: controller.signal }))), /given up/);
  assert.equal(index.requests.length, 1);
  assert.match(JSON.stringify(await failureOf(client.get("/503", { signal: AbortSignal.abort() }))), /given up/);
  assert.equal(index.requests.length, 1);
  const late = new AbortController();
  const asked = client.get("/silent", { signal: late.signal });
  await until(() => index.requests.length === 2, "the request is there");
  late.abort("any reason");
  assert.match(JSON.stringify(await failureOf(asked)), /given up/);
  assert.equal(client.upstream.health()[0]?.failuresInARow, 1, "who gives up says nothing of the index");
});

test("an index that is down fails at once for a while, then one request finds out, and the log says both", async () => {
  const port = await unusedPort();
  const origin = `http://127.0.0.1:${port}`;
  await using client = clientOf(origin, { retriesMax: 4 });
  const first = await failureOf(client.get("/simple/a/"));
  assert.deepEqual(first, { code: "UPSTREAM_UNREACHABLE", url: `${origin}/simple/a/`, reason: "connection refused" });
  assert.deepEqual(await failureOf(client.get("/simple/b/")), { ...first, url: `${origin}/simple/b/` });
  const [health] = client.upstream.health();
  assert.deepEqual([health?.failuresInARow, health?.lastFailure?.code, health?.requestCount], [5, "UPSTREAM_UNREACHABLE", 5]);
  client.nowMs += 1_000;
  const sleptCount = client.sleptMs.length;
  await failureOf(client.get("/simple/a/"));
  assert.equal(client.upstream.health()[0]?.requestCount, 6, "a probe is one attempt");
  assert.equal(client.sleptMs.length, sleptCount, "and nobody waits after it");
  assert.equal(client.logged.filter((line) => line.startsWith("warn: Index index-1 is down")).length, 1);
});

test("an index that answers again is used again", async () => {
  let isUp = false;
  await using index = await httpIndex((_request, response) => response.writeHead(isUp ? 200 : 500).end("page"));
  await using client = clientOf(index.origin, { retriesMax: 4 });
  await failureOf(client.get("/simple/a/"));
  const requestCount = index.requests.length;
  isUp = true;
  await failureOf(client.get("/simple/a/"));
  assert.equal(index.requests.length, requestCount, "while it is held to be down nobody asks it");
  client.nowMs += 1_000;
  await textOf(await answerOf(client.get("/simple/a/")));
  const [health] = client.upstream.health();
  assert.deepEqual(
    [health?.failuresInARow, health?.lastFailure, health?.lastSuccessAtMs, health?.receivedBytes],
    [0, null, client.nowMs, 4],
  );
  assert.equal(client.logged.filter((line) => line.startsWith("info: Index index-1 answers again")).length, 1);
});

test("while the pages' server is down, the files' server is asked as ever", async () => {
  await using files = await httpIndex((_request, response) => response.end("wheel"));
  await using client = clientOf(`http://127.0.0.1:${await unusedPort()}`, { retriesMax: 4 });
  await failureOf(client.get("/simple/a/"));
  assert.equal(await textOf(await answerOf(client.get(`${files.origin}/a.whl`))), "wheel");
  assert.equal(client.upstream.health()[0]?.failuresInARow, 5);
});

test("close ends what is under way and refuses what comes after", { timeout: 20_000 }, async () => {
  await using index = await httpIndex((request, response) => {
    if (request.url === "/body") response.write("begun");
  });
  await using client = clientOf(index.origin, { readTimeoutMs: 600_000 });
  const answer = await answerOf(client.get("/body"));
  const waiting = failureOf(client.get("/silent"));
  await until(() => index.requests.length === 2, "both are there");
  await client.upstream.close();
  assert.match(JSON.stringify(await waiting), /the mirror is stopping/);
  await assert.rejects(
    textOf(answer),
    (error: unknown) => error instanceof UpstreamError && /stopping/.test(JSON.stringify(error.failure)),
  );
  assert.match(JSON.stringify(await failureOf(client.get("/simple/a/"))), /the mirror is stopping/);
  assert.equal(index.requests.length, 2);
});

test("offline asks nobody", async () => {
  await using index = await httpIndex((_request, response) => response.end());
  await using client = clientOf(index.origin, { offline: true });
  assert.match(JSON.stringify(await failureOf(client.get("/simple/a/"))), /offline/);
  assert.equal(index.connectionCount, 0);
});
