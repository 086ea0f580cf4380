/** The mirror's requests to servers that break off, fall silent, or speak something else. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { UpstreamFailure } from "../src/mirror/failures.ts";
import { UpstreamError } from "../src/mirror/upstream/upstream.ts";
import { answerOf, clientOf, failureOf, httpIndex, rawIndex, textOf } from "./support/loopback-index.ts";
import { unusedPort } from "./support/unused-port.ts";

/** What the body of an answer breaks off with. */
async function breakOf(body: Promise<string>): Promise<UpstreamFailure> {
  try {
    const text = await body;
    throw new Error(`the body ended as if it were whole, with ${text.length} bytes`);
  } catch (error) {
    assert.ok(error instanceof UpstreamError, String(error));
    return error.failure;
  }
}

describe("before an answer", { concurrency: true }, () => {
  test("nobody listens", async () => {
    await using client = clientOf(`http://127.0.0.1:${await unusedPort()}`);
    assert.match(JSON.stringify(await failureOf(client.get("/"))), /"UPSTREAM_UNREACHABLE".*connection refused/);
  });

  test("no such host", async () => {
    const resolve = async (): Promise<never> => {
      throw Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" });
    };
    await using client = clientOf("http://index.example", {}, { resolve });
    assert.deepEqual(await failureOf(client.get("/simple/")), {
      code: "UPSTREAM_UNREACHABLE",
      url: "http://index.example/simple/",
      reason: "no such host index.example",
    });
  });

  test("a handshake that never ends is a time-out of the connection", async () => {
    await using silent = await rawIndex(() => {});
    const origin = silent.origin.replace("http:", "https:");
    await using client = clientOf(origin, { connectTimeoutMs: 100 });
    assert.deepEqual(await failureOf(client.get("/")), { code: "UPSTREAM_TIMEOUT", url: `${origin}/`, timeoutMs: 100 });
  });

  test("silence", async () => {
    await using index = await httpIndex(() => {});
    await using client = clientOf(index.origin, { readTimeoutMs: 200 });
    assert.deepEqual(await failureOf(client.get("/")), { code: "UPSTREAM_TIMEOUT", url: `${index.origin}/`, timeoutMs: 200 });
  });

  test("a head that trickles without end is silence too", async () => {
    await using index = await rawIndex((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      const timer = setInterval(() => socket.write("x-more: x\r\n"), 50);
      socket.on("close", () => clearInterval(timer));
    });
    await using client = clientOf(index.origin, { readTimeoutMs: 300 });
    assert.equal((await failureOf(client.get("/"))).code, "UPSTREAM_TIMEOUT");
  });

  test("a connection that closes or resets", async () => {
    await using index = await rawIndex((socket, head) => {
      if (head.startsWith("GET /reset")) socket.resetAndDestroy();
      else if (head.startsWith("GET /half")) socket.end("HTTP/1.1 200 OK\r\ncontent-");
      else socket.end();
    });
    await using client = clientOf(index.origin);
    for (const path of ["/reset", "/half", "/close"]) {
      const failure = await failureOf(client.get(path));
      assert.match(JSON.stringify(failure), /"UPSTREAM_UNREACHABLE".*(reset|closed)/, path);
    }
  });

  test("10 MB of headers are refused by name, and the rest isn't read", async () => {
    await using index = await rawIndex((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nx-large: ${"x".repeat(10_000_000)}\r\ncontent-length: 0\r\n\r\n`);
    });
    await using client = clientOf(index.origin, { retriesMax: 3 });
    const failure = await failureOf(client.get("/"));
    assert.deepEqual(failure, { code: "UPSTREAM_MALFORMED", url: `${index.origin}/`, reason: "its headers are larger than 65536 bytes" });
    assert.deepEqual(client.sleptMs, []);
  });

  test("many small headers are bounded as well", async () => {
    await using index = await rawIndex((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${"x-line: 0123456789\r\n".repeat(100_000)}content-length: 0\r\n\r\n`);
    });
    await using client = clientOf(index.origin);
    assert.equal((await failureOf(client.get("/"))).code, "UPSTREAM_MALFORMED");
  });

  test("interim answers without end", async () => {
    await using index = await rawIndex((socket) => {
      socket.write("HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n".repeat(100));
    });
    await using client = clientOf(index.origin);
    assert.equal((await failureOf(client.get("/"))).code, "UPSTREAM_MALFORMED");
  });

  test("something that is no HTTP, spoken at once", async () => {
    await using banner = await rawIndex(
      () => {},
      (socket) => void socket.write("SSH-2.0-OpenSSH\r\n\r\n"),
    );
    await using client = clientOf(banner.origin);
    assert.match(JSON.stringify(await failureOf(client.get("/"))), /"UPSTREAM_MALFORMED".*no HTTP/);
    await using secure = clientOf(banner.origin.replace("http:", "https:"));
    assert.match(JSON.stringify(await failureOf(secure.get("/"))), /"UPSTREAM_UNREACHABLE".*TLS failed/);
  });
});

describe("within an answer", { concurrency: true }, () => {
  test("a body shorter than its length", async () => {
    await using index = await rawIndex((socket) => {
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this");
    });
    await using client = clientOf(index.origin);
    const failure = await breakOf(textOf(await answerOf(client.get("/a.whl"))));
    assert.equal(failure.code === "UPSTREAM_TRUNCATED" && failure.wantedBytes, 100);
  });

  test("the same from a server that said it would close", async () => {
    await using index = await rawIndex((socket) => {
      socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\nonly this");
    });
    await using client = clientOf(index.origin);
    assert.equal((await breakOf(textOf(await answerOf(client.get("/"))))).code, "UPSTREAM_TRUNCATED");
  });

  test("chunks that stop, with and without a promise to close", async () => {
    await using index = await rawIndex((socket, head) => {
      const close = head.startsWith("GET /close") ? "connection: close\r\n" : "";
      socket.end(`HTTP/1.1 200 OK\r\n${close}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n9\r\nhal`);
    });
    await using client = clientOf(index.origin);
    for (const path of ["/keep", "/close"]) {
      assert.equal((await breakOf(textOf(await answerOf(client.get(path))))).code, "UPSTREAM_TRUNCATED", path);
    }
  });

  test("chunks whose sizes are nonsense", async () => {
    await using index = await rawIndex((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n");
    });
    await using client = clientOf(index.origin);
    assert.equal((await breakOf(textOf(await answerOf(client.get("/"))))).code, "UPSTREAM_TRUNCATED");
  });

  test("a reset, with a length, with chunks and without either", async () => {
    await using index = await rawIndex((socket, head) => {
      const framings = { length: "content-length: 100\r\n\r\n", chunks: "transfer-encoding: chunked\r\n\r\n5\r\n", neither: "\r\n" };
      const framing = framings[/^GET .(\w+)/.exec(head)?.[1] as keyof typeof framings];
      const close = head.includes("close") ? "connection: close\r\n" : "";
      socket.write(`HTTP/1.1 200 OK\r\n${close}${framing}hello`);
      setTimeout(() => socket.resetAndDestroy(), 20);
    });
    await using client = clientOf(index.origin);
    for (const path of ["/length", "/length-close", "/chunks", "/chunks-close", "/neither"]) {
      assert.equal((await breakOf(textOf(await answerOf(client.get(path))))).code, "UPSTREAM_TRUNCATED", path);
    }
  });

  test("silence", async () => {
    await using index = await httpIndex((_request, response) => void response.write("begun"));
    await using client = clientOf(index.origin, { readTimeoutMs: 200 });
    const failure = await breakOf(textOf(await answerOf(client.get("/"))));
    assert.deepEqual(failure, { code: "UPSTREAM_TIMEOUT", url: `${index.origin}/`, timeoutMs: 200 });
    const [health] = client.upstream.health();
    assert.deepEqual([health?.failuresInARow, health?.lastFailure?.code], [1, "UPSTREAM_TIMEOUT"]);
  });

  test("a reader that gives up", async () => {
    await using index = await httpIndex((_request, response) => void response.write("begun"));
    await using client = clientOf(index.origin);
    const controller = new AbortController();
    const answer = await answerOf(client.get("/", { signal: controller.signal }));
    setTimeout(() => controller.abort(), 20);
    assert.match(JSON.stringify(await breakOf(textOf(answer))), /given up/);
    assert.equal(client.upstream.health()[0]?.failuresInARow, 0);
  });
});
