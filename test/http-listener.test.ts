/**
 * The listener from outside, by bytes and by Node's own client: what is asked
 * arrives, what is answered leaves, in order and framed as RFC 9112 says.
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { Readable } from "node:stream";
import test from "node:test";
import { fetch } from "undici";
import type { Exchange } from "../src/http/exchange.ts";
import { answers, echo, say, serve, statusOf, until } from "./support/http.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function headOf(text: string): string {
  return text.slice(0, text.indexOf("\r\n\r\n") + 4);
}

function bodyOf(text: string): string {
  return text.slice(text.indexOf("\r\n\r\n") + 4);
}

test("a request arrives with its method, target, host, header block and body", async () => {
  await using server = await serve(echo);
  const bytes = "POST /a?b=c HTTP/1.1\r\nHost: example:80\r\nX-One: 1\r\nContent-Length: 5\r\n\r\nhello";
  const { text } = await say(server.port, [bytes], answers(1));
  assert.deepEqual(JSON.parse(bodyOf(text)), {
    method: "POST",
    target: "/a?b=c",
    host: "example:80",
    headerBlock: "Host: example:80\r\nX-One: 1\r\nContent-Length: 5\r\n",
    body: "hello",
  });
});

test("header finds the first value by name, in any case, trimmed", async () => {
  const found: (string | undefined)[] = [];
  await using server = await serve((exchange) => {
    for (const name of ["x-one", "x-two", "x", "host"]) found.push(exchange.header(name));
    exchange.respond(200, "", null);
  });
  await say(server.port, ["GET / HTTP/1.1\r\nHost: a\r\nX-ONE: \t 1 \r\nX-One: 2\r\nX-Two:\r\n\r\n"], answers(1));
  assert.deepEqual(found, ["1", "", undefined, "a"]);
});

test("a body that came with its head is there at once and owns its memory", async () => {
  const bodies: (Uint8Array | null)[] = [];
  await using server = await serve((exchange) => {
    assert.equal(exchange.body.complete, true);
    bodies.push(exchange.body.whole);
    exchange.respond(200, "", null);
  });
  const fixed = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
  const chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n";
  await say(server.port, [fixed + chunked + GET], answers(3));
  assert.deepEqual(
    bodies.map((body) => body && Buffer.from(body).toString()),
    ["abc", "def", null],
  );
  for (const body of bodies.slice(0, 2)) assert.equal(body?.buffer.byteLength, 3);
});

test("pipelined requests are answered in order, also when answers take their time", async () => {
  await using server = await serve((exchange) => {
    const delayMs = exchange.target === "/0" ? 30 : 0;
    if (exchange.target === "/2") exchange.respond(200, "", exchange.target);
    else setTimeout(() => exchange.respond(200, "", exchange.target), delayMs);
  });
  const requests = [0, 1, 2, 3].map((i) => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`).join("");
  const { text } = await say(server.port, [requests], answers(4));
  assert.deepEqual(
    [...text.matchAll(/\r\n\r\n(\/\d)/g)].map((match) => match[1]),
    ["/0", "/1", "/2", "/3"],
  );
});

test("a thousand pipelined requests get a thousand answers", async () => {
  await using server = await serve((exchange) => void setImmediate(() => exchange.respond(200, "", "x".repeat(500))));
  const { text } = await say(server.port, [GET.repeat(1_000)], answers(1_000));
  assert.equal(text.split("HTTP/1.1 200 OK").length - 1, 1_000);
});

test("HEAD gets the length and none of the body", async () => {
  await using server = await serve((exchange) => exchange.respond(200, "", "hello"));
  const { text } = await say(server.port, ["HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"]);
  assert.match(text, /\r\ncontent-length: 5\r\n/);
  assert.equal(bodyOf(text), "");
});

test("HEAD reports the length that the function declares when it makes no body", async () => {
  await using server = await serve((exchange) => exchange.respond(200, "content-length: 77\r\n", null));
  const { text } = await say(server.port, ["HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"]);
  assert.match(text, /\r\ncontent-length: 77\r\n/);
});

test("204 and 304 have neither length nor body, 205 an empty one", async () => {
  await using server = await serve((exchange) => exchange.respond(Number(exchange.target.slice(1)), "", "surplus"));
  for (const [status, length] of [
    [204, ""],
    [304, ""],
    [205, "content-length: 0\r\n"],
  ] as const) {
    const { text } = await say(server.port, [`GET /${status} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`]);
    assert.equal(statusOf(text), status);
    assert.equal(bodyOf(text), "");
    assert.equal(/content-length: \d+\r\n/.exec(text)?.[0] ?? "", length);
  }
});

test("text beyond ASCII is sent as UTF-8 with its length in bytes", async () => {
  await using server = await serve((exchange) => exchange.respond(200, exchange.target === "/h" ? "x: \xe9\r\n" : "", "héllo ✓"));
  for (const target of ["/", "/h"]) {
    const { text } = await say(server.port, [`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`]);
    assert.match(text, /\r\ncontent-length: 10\r\n/);
    assert.equal(Buffer.from(bodyOf(text), "latin1").toString(), "héllo ✓");
    if (target === "/h") assert.match(text, /\r\nx: \xe9\r\n/);
  }
});

test("bytes come through unchanged, small and large", async () => {
  const every = Uint8Array.from({ length: 256 }, (_, i) => i);
  const large = Buffer.alloc(3 * 1024 * 1024, every);
  await using server = await serve((exchange) => exchange.respond(200, "", exchange.target === "/small" ? every : large));
  const answer = async (path: string) => Buffer.from(await (await fetch(`http://127.0.0.1:${server.port}${path}`)).arrayBuffer());
  assert.ok((await answer("/small")).equals(every));
  assert.ok((await answer("/large")).equals(large));
});

test("HTTP/1.0 connections close unless they ask to be kept", async () => {
  await using server = await serve((exchange) => exchange.respond(200, "", "x"));
  const closing = await say(server.port, ["GET / HTTP/1.0\r\n\r\n"]);
  assert.equal(closing.closed, true);
  assert.match(closing.text, /\r\nconnection: close\r\n/);
  const kept = await say(server.port, ["GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".repeat(2)], answers(2));
  assert.equal(kept.closed, false);
  assert.match(kept.text, /\r\nconnection: keep-alive\r\n/);
});

test("100 Continue is sent when the body is first wanted", async () => {
  let wanted: Exchange | null = null;
  await using server = await serve((exchange) => {
    wanted = exchange;
  });
  const socket = connect(server.port, "127.0.0.1");
  let text = "";
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
    if (text === "HTTP/1.1 100 Continue\r\n\r\n") socket.write("abc");
  });
  socket.write("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n");
  await until(() => wanted !== null, "the request is handed up");
  assert.equal(text, "");
  const exchange = wanted as unknown as Exchange;
  assert.equal(Buffer.from((await exchange.body.readAll()) as Uint8Array).toString(), "abc");
  exchange.respond(200, "", "done");
  await until(() => text.endsWith("done"), "the answer");
  socket.destroy();
});

test("an answer without reading an expected body closes the connection instead of guessing", async () => {
  await using server = await serve((exchange) => exchange.respond(403, "", "no"));
  const { text, closed } = await say(server.port, [`POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n`]);
  assert.equal(statusOf(text), 403);
  assert.match(text, /\r\nconnection: close\r\n/);
  assert.equal(closed, true);
});

test("a body that is first wanted behind the beginning of the answer rejects instead of waiting for ever", async () => {
  let code = "";
  await using server = await serve(async (exchange) => {
    exchange.start(200, "", null);
    await exchange.body.read().catch((error: { code: string }) => {
      code = error.code;
    });
    exchange.end();
  });
  const { text, closed } = await say(server.port, ["POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"]);
  assert.equal(statusOf(text), 200);
  assert.deepEqual([code, closed], ["BODY_ABORTED", true]);
});

test("the rest of a short unread body is passed over and the connection kept", async () => {
  await using server = await serve((exchange) => exchange.respond(200, "", exchange.method));
  const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n";
  const socket = connect(server.port, "127.0.0.1");
  let text = "";
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
  });
  socket.write(`${head}${"a".repeat(500)}`);
  await until(() => text.endsWith("POST"), "the early answer");
  socket.write(`${"a".repeat(1500)}${GET}`);
  await until(() => text.endsWith("GET"), "the answer to the next request");
  socket.destroy();
});

test("a large upload flows through with the reader's pace, bounded in memory", async () => {
  const total = 24 * 1024 * 1024;
  let readBytes = 0;
  await using server = await serve(
    async (exchange) => {
      await new Promise((pause) => setTimeout(pause, 50));
      for (let chunk = await exchange.body.read(); chunk !== null; chunk = await exchange.body.read()) readBytes += chunk.length;
      exchange.respond(200, "", String(readBytes));
    },
    { bodyMaxBytes: total },
  );
  const upload = Readable.from(Array.from({ length: 24 }, () => Buffer.alloc(1024 * 1024, 1)));
  const answer = await fetch(`http://127.0.0.1:${server.port}/`, { method: "POST", body: upload, duplex: "half" });
  assert.equal(await answer.text(), String(total));
});

test("a streamed answer is chunked for 1.1, ends by closing for 1.0, and keeps a declared length", async () => {
  await using server = await serve((exchange) => {
    exchange.start(200, "", exchange.target === "/fixed" ? 6 : null);
    exchange.write(Buffer.from("abc"));
    setTimeout(() => {
      exchange.write(Buffer.from("def"));
      exchange.end();
    }, 10);
  });
  const chunked = await say(server.port, ["GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"]);
  assert.match(headOf(chunked.text), /transfer-encoding: chunked/);
  assert.equal(bodyOf(chunked.text), "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
  const old = await say(server.port, ["GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"]);
  assert.match(headOf(old.text), /connection: close/);
  assert.equal(bodyOf(old.text), "abcdef");
  const fixed = await say(server.port, ["GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n"], answers(1));
  assert.match(headOf(fixed.text), /content-length: 6/);
  assert.equal(bodyOf(fixed.text), "abcdef");
});

test("the head of a stream leaves before its first chunk is there", async () => {
  await using server = await serve((exchange) => exchange.start(200, "content-type: text/event-stream\r\n", null));
  const { text } = await say(server.port, [GET], (heard) => heard.endsWith("\r\n\r\n"));
  assert.match(text, /text\/event-stream/);
});

test("a stream that misses its declared length is broken off, never passed as complete", async () => {
  await using server = await serve((exchange) => {
    exchange.start(200, "", 10);
    exchange.write(Buffer.from(exchange.target === "/long" ? "far too many bytes" : "short"));
    exchange.end();
  });
  for (const path of ["/short", "/long"]) {
    await assert.rejects(async () => (await fetch(`http://127.0.0.1:${server.port}${path}`)).text());
  }
});

test("writes report a slow reader and onDrain tells when it has caught up", async () => {
  let drained = 0;
  const chunk = Buffer.alloc(256 * 1024, 1);
  await using server = await serve((exchange) => {
    let left = 64;
    exchange.start(200, "", left * chunk.length);
    const more = () => {
      while (left > 0) {
        left--;
        if (!exchange.write(chunk)) return;
      }
      exchange.end();
    };
    exchange.onDrain = () => {
      drained++;
      more();
    };
    more();
  });
  const answer = await fetch(`http://127.0.0.1:${server.port}/`);
  await new Promise((pause) => setTimeout(pause, 50));
  assert.equal((await answer.arrayBuffer()).byteLength, 64 * chunk.length);
  assert.ok(drained > 0);
});

test("a started answer can be taken back until its head has left", async () => {
  const retracted: boolean[] = [];
  await using server = await serve((exchange) => {
    exchange.start(200, "x-first: 1\r\n", exchange.target === "/sized" ? 10 : null);
    if (exchange.target === "/late") exchange.write(Buffer.from("begun"));
    retracted.push(exchange.retract());
    if (exchange.answered) exchange.end();
    else exchange.respond(500, "x-second: 1\r\n", "failed");
  });
  for (const path of ["/sized", "/chunked"]) {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
    assert.deepEqual([answer.status, answer.headers.get("x-first"), answer.headers.get("x-second")], [500, null, "1"]);
    assert.equal(await answer.text(), "failed");
  }
  const late = await fetch(`http://127.0.0.1:${server.port}/late`);
  assert.deepEqual([late.status, await late.text()], [200, "begun"]);
  assert.deepEqual(retracted, [true, true, false]);
});

test("a client that goes away is reported once, and answers to it are dropped", async () => {
  const events: string[] = [];
  let held: Exchange | null = null;
  await using server = await serve((exchange) => {
    held = exchange;
    exchange.onAbort = () => events.push("abort");
    exchange.onFinished = () => events.push("finished");
  });
  const socket = connect(server.port, "127.0.0.1", () => socket.write(GET));
  await until(() => held !== null, "the request is handed up");
  socket.resetAndDestroy();
  const exchange = held as unknown as Exchange;
  await until(() => exchange.aborted, "the abort");
  exchange.respond(200, "", "nobody hears this");
  assert.deepEqual(events, ["abort", "finished"]);
});

test("a body cut off by the client rejects its reader with BODY_ABORTED", async () => {
  const codes: string[] = [];
  await using server = await serve((exchange) => {
    exchange.body.readAll().catch((error: { code: string }) => codes.push(error.code));
  });
  const socket = connect(server.port, "127.0.0.1", () => socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"));
  await until(() => server.requestCount === 1, "the request is handed up");
  socket.destroy();
  await until(() => codes.length > 0, "the rejection");
  assert.deepEqual(codes, ["BODY_ABORTED"]);
});

test("a chunked body over the limit is answered 413 in a way that the sender can read", async () => {
  const codes: string[] = [];
  const finished: number[] = [];
  await using server = await serve((exchange) => {
    exchange.onFinished = (status) => finished.push(status);
    exchange.body.readAll().catch((error: { code: string }) => codes.push(error.code));
  });
  const chunk = `10000\r\n${"a".repeat(65_536)}\r\n`;
  const { text } = await say(server.port, [
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    ...Array<string>(100).fill(chunk),
  ]);
  assert.equal(statusOf(text), 413);
  assert.match(text, /BODY_TOO_LARGE/);
  await until(() => codes.length > 0, "the reader hears of it");
  assert.deepEqual([codes, finished], [["BODY_TOO_LARGE"], [413]]);
});

test("an invalid status or header line becomes a 500 and is reported", async () => {
  const bad: [number, string][] = [
    [99, ""],
    [600, ""],
    [200.5, ""],
    [Number.NaN, ""],
    [200, "x: a\r\n\r\nsmuggled"],
    [200, "x: a\nset-cookie: evil=1\r\n"],
    [200, "x: a\0b\r\n"],
    [200, "x: ✓\r\n"],
    [200, "bad name: a\r\n"],
    [200, "x: a"],
    [200, ": a\r\n"],
  ];
  await using server = await serve((exchange) => {
    const [status, lines] = bad[Number(exchange.target.slice(1))] as [number, string];
    exchange.respond(status, lines, "body");
  });
  for (const i of bad.keys()) {
    const { text } = await say(server.port, [`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`], answers(1));
    assert.equal(statusOf(text), 500, `${bad[i]}`);
    assert.match(text, /INVALID_RESPONSE/);
    assert.doesNotMatch(text, /smuggled|evil/);
  }
  assert.equal(server.invalid.length, bad.length);
});

test("header lines that belong to the connection are dropped from an answer", async () => {
  const lines =
    "Connection: upgrade\r\nTransfer-Encoding: chunked\r\nContent-Length: 99\r\nX-Kept: yes\r\nKeep-Alive: timeout=5\r\nDate: never\r\n";
  await using server = await serve((exchange) => exchange.respond(200, lines, "abc"));
  const { text } = await say(server.port, [GET], answers(1));
  assert.match(text, /^HTTP\/1\.1 200 OK\r\nX-Kept: yes\r\ncontent-length: 3\r\ndate: [^\r]+ GMT\r\n\r\nabc$/);
});

for (const delayMs of [0, 30]) {
  test(`a client that ends its side behind its requests gets its answers, ${delayMs === 0 ? "at once" : "late"}`, async () => {
    const told: unknown[] = [];
    await using server = await serve((exchange) => {
      exchange.onAbort = (mayWait) => told.push(mayWait);
      if (delayMs === 0) exchange.respond(200, "", exchange.target);
      else setTimeout(() => exchange.respond(200, "", exchange.target), delayMs);
    });
    const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const text = await halfClosed(server.port, request("/1") + request("/2"));
    assert.match(text, /\/1HTTP\/1\.1 200 OK\r\n.*\r\n\/2$/s);
    assert.deepEqual(told, delayMs === 0 ? [] : [true]);
  });
}

test("a client that ends its side inside its request has gone", async () => {
  let isAborted = false;
  await using server = await serve((exchange) => {
    exchange.onAbort = (mayWait) => {
      isAborted = mayWait !== true;
    };
  });
  assert.equal(await halfClosed(server.port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"), "");
  assert.ok(isAborted);
});

test("a stream to a client that ended its side must bring something, or it ends", async () => {
  await using server = await serve(
    (exchange) => {
      exchange.start(200, "", null);
      exchange.write(Buffer.from("begun"));
    },
    { idleTransferTimeoutMs: 100 },
  );
  assert.match(await halfClosed(server.port, GET), /begun\r\n$/);
});

/** What comes behind a FIN that follows the request at once, until the server closes. */
function halfClosed(port: number, request: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () => socket.end(request));
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes;
    });
    socket.on("end", () => resolve(text));
    socket.on("error", () => resolve(text));
  });
}
