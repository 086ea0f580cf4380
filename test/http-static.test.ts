/**
 * Static files through a real listener: conditions, ranges, codings, the
 * cache, and every way out of the root that we could think of.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { createStaticFiles } from "../src/http/static-files.ts";
import { answers, say, serve, statusOf, until } from "./support/http.ts";

const PAGE = "<h1>hello</h1>".repeat(20);
const LARGE = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));

function makeRoot(): { root: string; outside: string } {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-static-"));
  const root = join(folder, "public");
  mkdirSync(join(root, "docs", "deep"), { recursive: true });
  mkdirSync(join(root, ".git"));
  writeFileSync(join(folder, "secret.txt"), "SECRET");
  writeFileSync(join(root, "page.html"), PAGE);
  writeFileSync(join(root, "page.html.br"), brotliCompressSync(PAGE));
  writeFileSync(join(root, "page.html.gz"), gzipSync(PAGE));
  writeFileSync(join(root, "plain.txt"), "0123456789");
  writeFileSync(join(root, "empty.txt"), "");
  writeFileSync(join(root, "large.bin"), LARGE);
  writeFileSync(join(root, "a b.txt"), "space");
  writeFileSync(join(root, ".env"), "SECRET");
  writeFileSync(join(root, ".git", "config"), "SECRET");
  writeFileSync(join(root, "docs", "index.html"), "docs index");
  symlinkSync(join(folder, "secret.txt"), join(root, "leak.txt"));
  symlinkSync(folder, join(root, "up"));
  symlinkSync(join(root, ".env"), join(root, "env.txt"));
  symlinkSync(join(root, "plain.txt"), join(root, "alias.txt"));
  return { root, outside: folder };
}

async function serveStatic(cacheMaxBytes = 1024 * 1024, cacheMaxFileBytes = 128 * 1024) {
  const { root } = makeRoot();
  const files = createStaticFiles({ root, prefix: "/static/", cacheMaxBytes, cacheMaxFileBytes });
  const server = await serve((exchange) => void files.handle(exchange));
  const get = async (path: string, headers: Record<string, string> = {}, method = "GET") => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const { text } = await say(server.port, [`${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines.join("")}\r\n`]);
    const headEnd = text.indexOf("\r\n\r\n");
    const head = text.slice(0, headEnd + 2);
    const field = (name: string) => new RegExp(`\r\n${name}: ([^\r]*)\r`, "i").exec(head)?.[1];
    return { status: statusOf(text), field, body: Buffer.from(text.slice(headEnd + 4), "latin1") };
  };
  return { root, files, get, port: server.port, [Symbol.asyncDispose]: () => server.listener.drain(0) };
}

test("a file is served with its type, length, validators and cache rules", async () => {
  await using site = await serveStatic();
  for (const round of ["from disk", "from the cache"]) {
    const answer = await site.get("/static/page.html?v=1");
    assert.equal(answer.status, 200, round);
    assert.equal(answer.body.toString(), PAGE);
    assert.equal(answer.field("content-type"), "text/html; charset=utf-8");
    assert.equal(answer.field("cache-control"), "public, max-age=0, must-revalidate");
    assert.equal(answer.field("accept-ranges"), "bytes");
    assert.equal(answer.field("vary"), "accept-encoding");
    assert.match(answer.field("etag") as string, /^"[^"]+"$/);
    assert.ok(Date.parse(answer.field("last-modified") as string) > 0);
  }
});

test("HEAD has the head of GET and no body, for kept and streamed files", async () => {
  await using site = await serveStatic();
  for (const path of ["/static/plain.txt", "/static/large.bin"]) {
    const got = await site.get(path);
    const headed = await site.get(path, {}, "HEAD");
    assert.equal(headed.status, 200);
    assert.equal(headed.body.length, 0);
    assert.equal(headed.field("content-length"), String(got.body.length));
    assert.equal(headed.field("etag"), got.field("etag"));
  }
});

test("methods that write are answered 405 with Allow", async () => {
  await using site = await serveStatic();
  const answer = await site.get("/static/plain.txt", {}, "DELETE");
  assert.equal(answer.status, 405);
  assert.equal(answer.field("allow"), "GET, HEAD");
});

test("an unchanged file is answered 304 by tag, by list, by weak tag, by star and by date", async () => {
  await using site = await serveStatic();
  const first = await site.get("/static/plain.txt");
  const etag = first.field("etag") as string;
  const date = first.field("last-modified") as string;
  for (const headers of [
    { "If-None-Match": etag },
    { "If-None-Match": `"other", ${etag}` },
    { "If-None-Match": `W/${etag}` },
    { "If-None-Match": "*" },
    { "If-Modified-Since": date },
  ] as Record<string, string>[]) {
    const answer = await site.get("/static/plain.txt", headers);
    assert.equal(answer.status, 304, JSON.stringify(headers));
    assert.equal(answer.body.length, 0);
    assert.equal(answer.field("etag"), etag);
  }
  const other = await site.get("/static/plain.txt", { "If-None-Match": '"other"', "If-Modified-Since": date });
  assert.equal(other.status, 200, "the tag outranks the date");
  assert.equal((await site.get("/static/plain.txt", { "If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT" })).status, 200);
});

test("ranges are answered 206, impossible ones 416, and nonsense with the whole", async () => {
  await using site = await serveStatic();
  const cases: [range: string, status: number, body: string, contentRange?: string][] = [
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=-99", 206, "0123456789", "bytes 0-9/10"],
    ["bytes=8-99", 206, "89", "bytes 8-9/10"],
    ["bytes=0-0,5-6", 200, "0123456789"],
    ["bytes=5-2", 200, "0123456789"],
    ["lines=1-2", 200, "0123456789"],
  ];
  for (const [range, status, body, contentRange] of cases) {
    const answer = await site.get("/static/plain.txt", { Range: range });
    assert.deepEqual([answer.status, answer.body.toString(), answer.field("content-range")], [status, body, contentRange], range);
  }
  for (const range of ["bytes=10-", "bytes=-0"]) {
    const answer = await site.get("/static/plain.txt", { Range: range });
    assert.deepEqual([answer.status, answer.field("content-range")], [416, "bytes */10"], range);
  }
  assert.equal((await site.get("/static/empty.txt", { Range: "bytes=0-" })).status, 416);
});

test("If-Range serves the part only of the very version the client knows", async () => {
  await using site = await serveStatic();
  const first = await site.get("/static/plain.txt");
  const ask = async (condition: string) => (await site.get("/static/plain.txt", { Range: "bytes=0-1", "If-Range": condition })).status;
  assert.equal(await ask(first.field("etag") as string), 206);
  assert.equal(await ask(first.field("last-modified") as string), 206);
  assert.equal(await ask('"other"'), 200);
  assert.equal(await ask(`W/${first.field("etag")}`), 200);
  assert.equal(await ask("Sat, 01 Jan 2000 00:00:00 GMT"), 200);
});

test("large files are streamed whole and in parts", async () => {
  await using site = await serveStatic();
  assert.ok((await site.get("/static/large.bin")).body.equals(LARGE));
  const part = await site.get("/static/large.bin", { Range: "bytes=100000-250000" });
  assert.equal(part.status, 206);
  assert.ok(part.body.equals(LARGE.subarray(100_000, 250_001)));
});

test("stored compressed forms are chosen by the client's weights, each with its own tag", async () => {
  await using site = await serveStatic();
  const cases: [accept: string, coding: string | undefined][] = [
    ["gzip, br", "br"],
    ["gzip", "gzip"],
    ["br;q=0.5, gzip;q=0.8", "gzip"],
    ["br;q=0, gzip;q=0", undefined],
    ["*", "br"],
    ["*;q=0.1, gzip;q=0", "br"],
    ["identity, br;q=0.5", undefined],
    ["deflate", undefined],
  ];
  const tags = new Set<string>();
  for (const [accept, coding] of cases) {
    const answer = await site.get("/static/page.html", { "Accept-Encoding": accept });
    assert.equal(answer.field("content-encoding"), coding, accept);
    assert.equal(answer.field("content-type"), "text/html; charset=utf-8");
    tags.add(answer.field("etag") as string);
  }
  assert.equal(tags.size, 3);
  assert.ok((await site.get("/static/page.html", { "Accept-Encoding": "br" })).body.equals(brotliCompressSync(PAGE)));
});

test("a compressed form older than its file is not served", async () => {
  await using site = await serveStatic();
  utimesSync(join(site.root, "page.html.br"), 1, 1);
  const answer = await site.get("/static/page.html", { "Accept-Encoding": "br, gzip;q=0.5" });
  assert.equal(answer.field("content-encoding"), "gzip");
});

test("a folder is its index.html, or nothing", async () => {
  await using site = await serveStatic();
  assert.equal((await site.get("/static/docs/")).body.toString(), "docs index");
  assert.equal((await site.get("/static/docs")).body.toString(), "docs index");
  assert.equal((await site.get("/static/docs/deep/")).status, 404);
  assert.equal((await site.get("/static/")).status, 404);
  assert.equal((await site.get("/static/plain.txt/")).status, 404);
});

test("no spelling leads out of the root or to a dotfile", async () => {
  await using site = await serveStatic();
  const escapes = [
    "../secret.txt",
    "%2e%2e/secret.txt",
    "%2E%2E%2Fsecret.txt",
    "..%2fsecret.txt",
    "..%5csecret.txt",
    "..\\secret.txt",
    "docs/../../secret.txt",
    "docs/%2e%2e/%2e%2e/secret.txt",
    "./plain.txt",
    "docs//index.html",
    "//secret.txt",
    "%252e%252e/secret.txt",
    "..%c0%afsecret.txt",
    "%c0%ae%c0%ae/secret.txt",
    "plain.txt%00.html",
    "%00",
    "%",
    "%zz",
    "leak.txt",
    "up/secret.txt",
    ".env",
    "env.txt",
    ".git/config",
    "docs/.%2e/.env",
    "...",
    "a%0ab",
  ];
  for (const path of escapes) {
    const answer = await site.get(`/static/${path}`);
    assert.equal(answer.status, 404, path);
    assert.doesNotMatch(answer.body.toString(), /SECRET/);
  }
  assert.equal((await site.get("/static/alias.txt")).body.toString(), "0123456789", "a link that stays inside is fine");
  assert.equal((await site.get("/static/a%20b.txt")).body.toString(), "space");
});

test("a changed file is served anew within seconds, and a removed one is gone", async () => {
  await using site = await serveStatic();
  const before = await site.get("/static/plain.txt");
  writeFileSync(join(site.root, "plain.txt"), "changed!");
  let now = before;
  const changed = async () => {
    now = await site.get("/static/plain.txt");
    return now.body.toString() === "changed!";
  };
  for (let i = 0; i < 100 && !(await changed()); i++) await new Promise((pause) => setTimeout(pause, 50));
  assert.equal(now.body.toString(), "changed!");
  assert.notEqual(now.field("etag"), before.field("etag"));
  rmSync(join(site.root, "plain.txt"));
  for (let i = 0; i < 100 && now.status !== 404; i++) {
    await new Promise((pause) => setTimeout(pause, 50));
    now = await site.get("/static/plain.txt");
  }
  assert.equal(now.status, 404);
});

test("the cache keeps to its bytes", async () => {
  await using site = await serveStatic(16 * 1024, 8 * 1024);
  for (let i = 0; i < 10; i++) writeFileSync(join(site.root, `f${i}.txt`), "x".repeat(4 * 1024));
  for (let i = 0; i < 10; i++) assert.equal((await site.get(`/static/f${i}.txt`)).status, 200);
  assert.ok(site.files.cachedBytes > 0 && site.files.cachedBytes <= 16 * 1024, `${site.files.cachedBytes} bytes`);
});

test("a client that leaves in the middle of a large file leaves nothing open", async () => {
  const { root } = makeRoot();
  writeFileSync(join(root, "huge.bin"), Buffer.alloc(32 * 1024 * 1024));
  const files = createStaticFiles({ root, prefix: "/static/", cacheMaxBytes: 1024, cacheMaxFileBytes: 1024 });
  let settled = false;
  await using server = await serve((exchange) => {
    void Promise.resolve(files.handle(exchange)).then(() => {
      settled = true;
    });
  });
  await say(server.port, ["GET /static/huge.bin HTTP/1.1\r\nHost: a\r\n\r\n"], (text) => text.length > 1000);
  await until(() => settled, "the stream ends");
  assert.equal(statusOf((await say(server.port, ["GET /static/plain.txt HTTP/1.1\r\nHost: a\r\n\r\n"], answers(1))).text), 200);
});

test("a file that can be seen and not read is no such file", { skip: process.platform === "linux" ? false : "needs /proc" }, async () => {
  const files = createStaticFiles({ root: "/proc/self", prefix: "/static/", cacheMaxBytes: 1024, cacheMaxFileBytes: 1024 });
  const server = await serve((exchange) => void files.handle(exchange));
  const { text } = await say(server.port, ["GET /static/mem HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"]);
  await server.listener.drain(0);
  assert.equal(statusOf(text), 404);
});
