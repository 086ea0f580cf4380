/**
 * What handlers see of a request and may answer with, in Python and in Node; and
 * several of them at a time. How messages travel is process-clients.test.ts.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { type Client, nodeClient, pythonClient, WAYS } from "./support/process-clients.ts";
import { END, KIND, type ProcessPeer, startPeer } from "./support/process-peer.ts";

const GUESTS = join(import.meta.dirname, "guests/process");
const TEXT = "content-type: text/plain; charset=utf-8\n";
const JSON_TYPE = "content-type: application/json\n";
const BYTES = "content-type: application/octet-stream\n";

/** What both languages answer alike: the path, status, head and body. */
const ALIKE: readonly (readonly [path: string, status: number, head: string, body: string])[] = [
  ["str", 200, TEXT, "grüße"],
  ["dict", 200, JSON_TYPE, '{"a":[1,"ü"]}'],
  ["list", 200, JSON_TYPE, "[1,2]"],
  ["status", 418, TEXT, "teapot"],
  ["no-content", 204, "", ""],
  ["pairs", 200, `${TEXT}set-cookie: a=1\nset-cookie: b=2\n`, ""],
  ["generator", 200, BYTES, "one;two;"],
  ["file", 200, BYTES, "file".repeat(50_000)],
];
const REFUSED = ["none", "status-low", "status-text", "header-line", "header-name", "header-long", "header-greek"];
const HEADERS = "user-agent: test\nx-twice: a\nx-twice: b\ncookie: c=1\ncookie: d=2\n";

const python = pythonClient(join(GUESTS, "answers.py"));
const node: Client = { ...nodeClient(), command: [process.execPath, join(GUESTS, "answers.mjs")] };

for (const client of [python, node]) {
  if (client === null) test("the Python client", (t) => t.skip("NOT TESTED: this machine has no python3"));
  else describe(`a handler in ${client.name}`, () => suite(client));
}

function suite(client: Client): void {
  let peer: ProcessPeer;
  before(async () => {
    peer = await startPeer({ command: client.command, env: client.env, ring: null });
  });
  after(() => peer.end());

  for (const [path, status, head, body] of ALIKE) {
    test(`answers with ${path}`, async () => {
      const answer = await peer.ask(`/answers/${path}`);
      const text = head === JSON_TYPE ? JSON.stringify(JSON.parse(`${answer.body}`)) : `${answer.body}`;
      assert.deepEqual([answer.failed, answer.status, answer.head, text], [null, status, head, body]);
    });
  }

  for (const path of REFUSED) {
    test(`can't answer with ${path}`, async () => {
      assert.match((await peer.ask(`/answers/${path}`)).failed ?? "", /^\w*Error: ./);
    });
  }

  test("answers with bytes as they are", async () => {
    assert.deepEqual((await peer.ask("/bytes")).body, Buffer.from([0, 255]));
    assert.equal(`${(await peer.ask(client.name === "Python" ? "/bytearray" : "/buffer")).body}`, "abc");
  });

  test("says its own type of content", async () => {
    const answer = await peer.ask("/headers");
    assert.deepEqual(answer.head.split("\n").sort(), ["", "content-type: text/html", "x-a: 1"]);
    assert.equal(`${answer.body}`, "<p>");
  });

  test("answers with an object of several parts", async () => {
    const answer = await peer.ask("/response");
    assert.deepEqual([answer.status, JSON.parse(`${answer.body}`)], [201, { a: 1 }]);
    assert.match(answer.head, /^content-type: application\/json$/m);
  });

  test("sees a body as text", async () => {
    assert.equal(`${(await peer.ask("/text", { body: Buffer.from("grüße") })).body}`, "GRÜSSE");
  });

  if (client.name === "Python") pythonOnly(() => peer);
  else nodeOnly(() => peer);
}

function pythonOnly(peer: () => ProcessPeer): void {
  test("sees headers in any case, and each field once", async () => {
    const { body } = await peer().ask("/headers-seen", { headers: HEADERS });
    assert.deepEqual(JSON.parse(`${body}`), ["test", "-", true, "a, b", "c=1; d=2", 3]);
  });

  test("sees the parts of its target", async () => {
    const { body } = await peer().ask("/a%20b/query?x=1&x=2&y=%C3%BC&z=");
    assert.deepEqual(JSON.parse(`${body}`), ["/a%20b/query", { x: "1", y: "ü", z: "" }, "x=1&x=2&y=%C3%BC&z="]);
  });

  test("closes what it could not stream to its end", async () => {
    const answer = await peer().ask("/closing");
    assert.deepEqual([`${answer.body}`, answer.failed], ["one;", "ValueError: no more"]);
    assert.equal(`${(await peer().ask("/closed")).body}`, "True");
  });

  test("can't answer with what is neither text nor bytes nor JSON", async () => {
    for (const path of ["number", "four", "generator-of-numbers"])
      assert.match((await peer().ask(`/${path}`)).failed ?? "", /^TypeError: ./);
  });
}

function nodeOnly(peer: () => ProcessPeer): void {
  test("sees headers in any case, and each field once", async () => {
    const { body } = await peer().ask("/headers-seen", { headers: HEADERS });
    assert.deepEqual(JSON.parse(`${body}`), ["test", null, "a, b", "c=1; d=2"]);
  });

  test("sees the parts of its target", async () => {
    const { body } = await peer().ask("/a%20b/query?x=1&y=%C3%BC&z=", { headers: "host: example.com\n" });
    const url = "http://example.com/a%20b/query?x=1&y=%C3%BC&z=";
    assert.deepEqual(JSON.parse(`${body}`), ["/a%20b/query", { x: "1", y: "ü", z: "" }, url]);
  });

  test("sees a form", async () => {
    const headers = "content-type: application/x-www-form-urlencoded\n";
    const { body } = await peer().ask("/form", { method: "POST", headers, body: Buffer.from("a=1&b=%C3%BC") });
    assert.deepEqual(JSON.parse(`${body}`), { a: "1", b: "ü" });
  });

  test("answers with a Response as with its own kind, in one message where it has one piece", async () => {
    const cookies = await peer().ask("/response-pairs");
    assert.match(cookies.head, /^set-cookie: a=1\nset-cookie: b=2$/m);
    assert.equal((await peer().ask("/response")).messageCount, 1);
    assert.equal(`${(await peer().ask("/number")).body}`, "5");
    assert.equal((await peer().ask("/no-body")).status, 204);
  });

  test("fails its call where it rejects, or answers with what is no body", async () => {
    for (const path of ["null", "function", "rejected", "numbers-streamed"])
      assert.match((await peer().ask(`/${path}`)).failed ?? "", /Error: ./);
  });
}

test("calls that lie ready in a process in Python are answered once the one before them is", async (t) => {
  const client = pythonClient();
  if (client === null) return t.skip("NOT TESTED: this machine has no python3");
  for (const { ring } of WAYS) {
    const peer = await startPeer({ command: client.command, env: { ...client.env, AHEAD: "3" }, ring });
    t.after(() => peer.end());
    assert.match(peer.ready, / 4$/);
    peer.request(1, "/patient");
    for (const call of [2, 3, 4]) peer.request(call, "/echo", { body: Buffer.from(`${call}`) });
    // What lies ready and is cancelled may be answered all the same; it does no harm.
    peer.send(KIND.cancel, 0, 3);
    peer.send(KIND.cancel, 0, 1);
    for (const call of [1, 2, 3, 4]) await peer.answer(call);
  }
});

for (const client of [pythonClient(), nodeClient()]) {
  for (const way of client === null ? [] : WAYS)
    describe(`several calls at a time in ${client!.name} by ${way.name}`, () => together(client!, way.ring));
}

function together(client: Client, ring: (typeof WAYS)[number]["ring"]): void {
  async function start(t: TestContext): Promise<ProcessPeer> {
    const peer = await startPeer({ command: client.command, env: { ...client.env, CONCURRENCY: "4" }, ring });
    t.after(() => peer.end());
    return peer;
  }

  test("handlers run side by side, and a fast one overtakes", async (t) => {
    const peer = await start(t);
    for (const call of [1, 2, 3]) peer.request(call, "/together");
    assert.equal((await peer.ask("/echo")).status, 200);
    peer.request(4, "/together");
    for (const call of [1, 2, 3, 4]) assert.equal(`${(await peer.answer(call)).body}`, "together");
  });

  test("bodies that come mixed are kept apart", async (t) => {
    const peer = await start(t);
    for (const call of [1, 2, 3, 4]) peer.send(KIND.request, 0, call, "POST /echo\n", Buffer.from(`${call}`));
    for (const call of [4, 2, 3, 1]) peer.send(KIND.requestBody, 0, call, "", Buffer.from(`-${call}`));
    for (const call of [3, 1, 4, 2]) peer.send(KIND.requestBody, END, call, "", Buffer.from("."));
    for (const call of [1, 2, 3, 4]) assert.equal(`${(await peer.answer(call)).body}`, `${call}-${call}.`);
  });

  test("the one that is cancelled learns it, the others do not", async (t) => {
    const peer = await start(t);
    peer.request(1, "/patient");
    for (const call of [2, 3]) peer.request(call, "/together");
    peer.send(KIND.cancel, 0, 1);
    await peer.answer(1);
    for (const call of [4, 5]) peer.request(call, "/together");
    for (const call of [2, 3, 4, 5]) assert.equal(`${(await peer.answer(call)).body}`, "together");
  });

  test("a long stream lets the others through", async (t) => {
    const peer = await start(t);
    peer.request(1, "/endless");
    await peer.someOf(1);
    for (let call = 0; call < 20; call++) assert.equal((await peer.ask("/echo", { body: Buffer.alloc(5_000) })).body.length, 5_000);
    peer.send(KIND.cancel, 0, 1);
    assert.notEqual((await peer.answer(1)).failed, null);
  });

  test("told to stop, it answers all of them and leaves with 0", async (t) => {
    const peer = await start(t);
    for (const call of [1, 2, 3, 4]) peer.request(call, "/together");
    peer.send(KIND.stop, 0, 0);
    for (const call of [1, 2, 3, 4]) assert.equal(`${(await peer.answer(call)).body}`, "together");
    assert.deepEqual(await peer.exit(), { code: 0, signal: null });
  });

  test("the end of the connection ends it with 0, whatever its handlers are at", async (t) => {
    const peer = await start(t);
    peer.request(1, "/busy?s=600");
    peer.request(2, "/endless");
    await peer.logged("busy");
    peer.socket.destroy();
    assert.deepEqual(await peer.exit(), { code: 0, signal: null });
  });
}
