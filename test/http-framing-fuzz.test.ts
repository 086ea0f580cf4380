/**
 * However the network cuts a stream of requests, the same requests come out:
 * valid requests, pipelined and split at random bytes, against their own
 * description. The seed of a failure is printed by fast-check.
 */
import assert from "node:assert/strict";
import test from "node:test";
import { answers, echo, say, serve } from "./support/http.ts";
import fc from "./support/properties.ts";

interface Sent {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | null;
  readonly chunkSizes: readonly number[] | null;
}

const TOKEN = fc.stringMatching(/^[a-z]{1,12}$/).map((name) => `x-${name}`);
const VALUE = fc.stringMatching(/^[!-~]([ -~]{0,40}[!-~])?$/);

const REQUEST: fc.Arbitrary<Sent> = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"),
  target: fc.stringMatching(/^\/[a-z0-9/?=&%~]{0,60}$/),
  headers: fc.array(fc.tuple(TOKEN, VALUE), { maxLength: 5 }),
  body: fc.option(fc.string({ unit: fc.constantFrom("a", "\r", "\n", "0", ";", "\xff"), minLength: 1, maxLength: 300 })),
  chunkSizes: fc.option(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 })),
});

function wire(sent: Sent): string {
  const lines = sent.headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const start = `${sent.method} ${sent.target} HTTP/1.1\r\nHost: fuzz\r\n${lines}`;
  if (sent.body === null) return `${start}\r\n`;
  if (sent.chunkSizes === null) return `${start}Content-Length: ${sent.body.length}\r\n\r\n${sent.body}`;
  let chunks = "";
  for (let at = 0, i = 0; at < sent.body.length; i++) {
    const chunk = sent.body.slice(at, at + (sent.chunkSizes[i % sent.chunkSizes.length] as number));
    chunks += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
    at += chunk.length;
  }
  return `${start}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
}

function cut(bytes: string, at: readonly number[]): string[] {
  const places = [...new Set(at.map((place) => place % bytes.length))].sort((a, b) => a - b);
  return [0, ...places].map((start, i) => bytes.slice(start, places[i])).filter((part) => part !== "");
}

function heard(text: string): { method: string; target: string; body: string | null; headerBlock: string }[] {
  const found = [];
  for (let at = 0; at < text.length; ) {
    const headEnd = text.indexOf("\r\n\r\n", at) + 4;
    const length = Number(/content-length: (\d+)/.exec(text.slice(at, headEnd))?.[1]);
    found.push(JSON.parse(Buffer.from(text.slice(headEnd, headEnd + length), "latin1").toString("utf8")));
    at = headEnd + length;
  }
  return found;
}

test("requests split at random bytes arrive as they were sent", async () => {
  await using server = await serve(echo);
  const property = fc.asyncProperty(
    fc.array(REQUEST, { minLength: 1, maxLength: 4 }),
    fc.array(fc.nat(), { maxLength: 12 }),
    async (requests, places) => {
      const bytes = requests.map(wire).join("");
      const { text } = await say(server.port, cut(bytes, places), answers(requests.length));
      const seen = heard(text);
      assert.equal(seen.length, requests.length, text);
      for (const [i, sent] of requests.entries()) {
        assert.equal(seen[i]?.method, sent.method);
        assert.equal(seen[i]?.target, sent.target);
        assert.equal(seen[i]?.body, sent.body);
        for (const [name, value] of sent.headers) assert.ok(seen[i]?.headerBlock.includes(`${name}: ${value}\r\n`));
      }
    },
  );
  await fc.assert(property, { numRuns: 150 });
  assert.deepEqual(server.refused, []);
});

test("random damage to a request is answered or served, and never stops the server", async () => {
  await using server = await serve(echo);
  const property = fc.asyncProperty(REQUEST, fc.nat(), fc.integer({ min: 0, max: 255 }), async (sent, place, byte) => {
    const bytes = wire(sent);
    const at = place % bytes.length;
    const damaged = bytes.slice(0, at) + String.fromCharCode(byte) + bytes.slice(at + 1);
    // A damaged length may leave the server waiting for more: the client's next request completes or breaks it.
    await say(
      server.port,
      [damaged, "GET /after HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", `0\r\n\r\n${"a".repeat(1000)}`],
      (text) => text !== "",
    );
  });
  await fc.assert(property, { numRuns: 200 });
  const { text } = await say(server.port, ["GET /alive HTTP/1.1\r\nHost: a\r\n\r\n"], answers(1));
  assert.match(text, /\/alive/);
});
