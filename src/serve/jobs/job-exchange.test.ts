import assert from "node:assert/strict";
import { test } from "node:test";
import { JobExchange } from "./job-exchange.ts";

const REQUEST = {
  method: "POST",
  target: "/a",
  headerBlock: "Host: x\r\nX-Two: 1\r\nx-two: 2\r\n",
  host: "x",
  secure: false,
  remoteAddress: "::1",
  params: null,
};

function exchangeOf(body = "", answerMaxBytes = 100): { exchange: JobExchange; finished: number[] } {
  const exchange = new JobExchange(REQUEST, Buffer.from(body), answerMaxBytes);
  const finished: number[] = [];
  exchange.onFinished = (status) => finished.push(status);
  return { exchange, finished };
}

test("a streamed answer is kept whole, and apart from the buffers it came in", async () => {
  const { exchange, finished } = exchangeOf();
  const chunk = Buffer.from("abc");
  exchange.start(200, "a: b\r\n");
  exchange.write(chunk);
  chunk.fill(0);
  exchange.write(Buffer.from("def"));
  exchange.end();
  const answer = await exchange.answer;
  assert.equal(answer.kind === "answered" && Buffer.from(answer.body).toString(), "abcdef");
  assert.deepEqual(finished, [200]);
});

test("an answer that grows too large ends its call, once", async () => {
  const { exchange, finished } = exchangeOf("", 5);
  let aborted = 0;
  exchange.onAbort = () => aborted++;
  exchange.start(200, "");
  for (let count = 0; count < 3; count++) exchange.write(Buffer.from("abc"));
  exchange.end();
  exchange.destroy();
  assert.deepEqual(await exchange.answer, { kind: "broken", reason: "its answer is larger than the 5 bytes that are kept", again: false });
  assert.deepEqual([aborted, finished.length], [1, 1]);
});

test("a status or header that no listener would send is not kept for one", async () => {
  for (const [status, lines] of [
    [99, ""],
    [200, "a: b\r\n\r\n<script>"],
    [200, "no colon\r\n"],
  ] as const) {
    const { exchange, finished } = exchangeOf();
    exchange.respond(status, lines, "body");
    assert.equal((await exchange.answer).kind, "broken");
    assert.equal(finished.length, 1);
  }
});

test("an answer that is taken back can be given again", async () => {
  const { exchange } = exchangeOf();
  exchange.start(200, "");
  assert.equal(exchange.retract(), true);
  exchange.respond(504, "", null);
  const answer = await exchange.answer;
  assert.equal(answer.kind === "answered" && answer.status, 504);
});

test("an answer of the server's waits for its reason, and so does one that broke off", async () => {
  const { exchange } = exchangeOf();
  exchange.tellReason(Promise.resolve("it trapped\n    at inner"));
  exchange.respond(500, "", "look into the log");
  const answer = await exchange.answer;
  assert.equal(answer.kind === "answered" && answer.reason, "it trapped\n    at inner");

  const { exchange: broken } = exchangeOf();
  broken.start(200, "");
  broken.write(Buffer.from("half"));
  broken.tellReason(Promise.resolve("its stream failed"));
  broken.destroy();
  assert.deepEqual(await broken.answer, { kind: "broken", reason: "its stream failed", again: true });
});

test("the request reads as one from a socket does", async () => {
  const { exchange } = exchangeOf("body");
  assert.deepEqual([exchange.header("x-two"), exchange.header("none")], ["1", undefined]);
  assert.equal(Buffer.from((await exchange.body.read())!).toString(), "body");
  assert.equal(await exchange.body.read(), null);
  assert.equal(await exchangeOf().exchange.body.readAll(), null);
});
