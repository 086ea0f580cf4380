/**
 * fetch from inside a sandbox to real servers on loopback: what gets out, what
 * comes back, and what a hostile server or guest may try.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { openWebSandbox, type WebSandbox } from "./support/web-sandbox.ts";

const servers: Server[] = [];
const sandboxes: WebSandbox[] = [];

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function open(...origins: string[]): Promise<WebSandbox> {
  const sandbox = await openWebSandbox({ allow: { fetch: origins } });
  sandboxes.push(sandbox);
  return sandbox;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const echo: RequestListener = async (request, response) => {
  const body = await bodyOf(request);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body: body.toString("latin1") }));
};

afterEach(() => {
  for (const sandbox of sandboxes.splice(0)) {
    assert.equal(sandbox.context.state.size, 0, "a fetch left its handle open");
    sandbox.close();
  }
});
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

test("a request arrives as it was made, with nothing added that tells of the host", async () => {
  const origin = await serve(echo);
  const sandbox = await open(origin);
  const seen = (await sandbox.run(
    `const r = await fetch(input + "/a?b=c#d", { method: "POST", headers: { "X-Mine": "1", host: "evil.test", connection: "upgrade", cookie: "a=b" }, body: new Uint8Array([0, 255, 13, 10]) });
     return { status: r.status, ok: r.ok, url: r.url, redirected: r.redirected, type: r.headers.get("content-type"), json: await r.json() };`,
    origin,
  )) as { json: { headers: Record<string, string> } };
  const { host, connection, ...headers } = seen.json.headers;
  assert.equal(host, origin.slice("http://".length));
  assert.equal(connection, "keep-alive");
  assert.deepEqual(headers, { "x-mine": "1", cookie: "a=b", "content-length": "4", "accept-encoding": "gzip, deflate, br" });
  assert.deepEqual(
    { ...seen, json: { ...seen.json, headers: {} } },
    {
      status: 200,
      ok: true,
      url: `${origin}/a?b=c`,
      redirected: false,
      type: "application/json",
      json: { method: "POST", url: "/a?b=c", headers: {}, body: "\u0000\u00ff\r\n" },
    },
  );
});

test("every kind of body is sent whole", async () => {
  const origin = await serve(echo);
  const sandbox = await open(origin);
  const seen = await sandbox.run(
    `const send = async (body, headers) => { const { body: got, headers: sent } = await (await fetch(input, { method: "PUT", body, headers })).json(); return [got, sent["content-type"] ?? null]; };
     const form = new FormData(); form.append("k", "v");
     return [await send("text"), await send(new URLSearchParams({ a: "b c" })), await send(new Blob(["blob"], { type: "a/b" })), (await send(form))[1].split(";")[0], await send(ReadableStream.from([new TextEncoder().encode("str"), new TextEncoder().encode("eam")])), await send(new Request("http://x.test", { method: "POST", body: "inner" }).body), await send("x", { "content-type": "own/type" })];`,
    origin,
  );
  assert.deepEqual(seen, [
    ["text", "text/plain;charset=UTF-8"],
    ["a=b+c", "application/x-www-form-urlencoded;charset=UTF-8"],
    ["blob", "a/b"],
    "multipart/form-data",
    ["stream", null],
    ["inner", null],
    ["x", "own/type"],
  ]);
});

test("answers come back byte for byte: empty, small, large, streamed, compressed", async () => {
  const large = Buffer.alloc(3_000_000, Buffer.from([...Array(256).keys()]));
  const origin = await serve((request, response) => {
    if (request.url === "/none") response.writeHead(204).end();
    else if (request.url === "/small") response.end(Buffer.from([0, 128, 255]));
    else if (request.url === "/large") response.writeHead(200, { "content-length": large.length }).end(large);
    else if (request.url === "/gzip") response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(large));
    else if (request.url === "/cookies") response.writeHead(200, { "set-cookie": ["a=1", "b=2"] }).end("x");
    else response.write("part", () => setTimeout(() => response.end("s"), 30));
  });
  const sandbox = await open(origin);
  const seen = await sandbox.run(
    `const bytes = async (path) => new Uint8Array(await (await fetch(input + path)).arrayBuffer());
     const right = (all) => [all.length, all.every((byte, at) => byte === at % 256)];
     const head = await fetch(input + "/large", { method: "HEAD" });
     return [(await fetch(input + "/none")).body, [...await bytes("/small")], right(await bytes("/large")), right(await bytes("/gzip")), (await fetch(input + "/cookies")).headers.getSetCookie(), await (await fetch(input + "/parts")).text(), [head.body, head.headers.get("content-length")]];`,
    origin,
  );
  assert.deepEqual(seen, [null, [0, 128, 255], [3_000_000, true], [3_000_000, true], ["a=1", "b=2"], "parts", [null, "3000000"]]);
});

test("redirects are followed as the standard says, and only to allowed origins", async () => {
  const other = await serve(echo);
  const secret = await serve(echo);
  const origin = await serve((request, response) => {
    const url = new URL(request.url as string, "http://x.test");
    if (url.pathname === "/loop") response.writeHead(302, { location: "/loop" }).end();
    else if (url.pathname === "/go")
      response.writeHead(Number(url.searchParams.get("status")), { location: url.searchParams.get("to") as string }).end("moved");
    else void echo(request, response);
  });
  const sandbox = await open(origin, other);
  const seen = await sandbox.run(
    `const go = (status, to, init) => fetch(input.origin + "/go?" + new URLSearchParams({ status, to }), init);
     const post = { method: "POST", body: "b", headers: { authorization: "secret", "x-kept": "1" } };
     const show = async (r) => { const j = await r.json(); return [j.method, j.body, j.headers.authorization ?? null, j.headers["x-kept"] ?? null, j.headers["content-type"] ?? null, r.redirected, r.url]; };
     const thrown = async (promise) => { try { await promise; return "nothing"; } catch (error) { return error.message; } };
     return { see: await show(await go(303, "/end", post)), found: await show(await go(302, "/end", post)), keep: await show(await go(307, "/end", post)), cross: await show(await go(308, input.other + "/end", post)),
       manual: await go(302, "/end", { redirect: "manual" }).then(async (r) => [r.status, r.headers.get("location"), await r.text()]), error: await thrown(go(302, "/end", { redirect: "error" })), denied: await thrown(go(302, input.secret)), scheme: await thrown(go(302, "file:///etc/passwd")), loop: await thrown(fetch(input.origin + "/loop")),
       stream: await thrown(go(307, "/end", { method: "POST", body: ReadableStream.from([new Uint8Array(1)]) })) };`,
    { origin, other, secret },
  );
  assert.deepEqual(seen, {
    see: ["GET", "", "secret", "1", null, true, `${origin}/end`],
    found: ["GET", "", "secret", "1", null, true, `${origin}/end`],
    keep: ["POST", "b", "secret", "1", "text/plain;charset=UTF-8", true, `${origin}/end`],
    cross: ["POST", "b", null, "1", "text/plain;charset=UTF-8", true, `${other}/end`],
    manual: [302, "/end", "moved"],
    error: `fetch: ${origin} answered with a redirect`,
    denied: `fetch: ${secret} is not allowed; name it in this function's allow.fetch`,
    scheme: "fetch: the scheme file: is not supported, only http: and https:",
    loop: "fetch: more than 20 redirects",
    stream: "fetch: a streamed request body can't be sent again after a redirect",
  });
});

test("loopback is refused unless named, also by a name that resolves to it", async () => {
  let callCount = 0;
  const origin = await serve((_request, response) => {
    callCount++;
    response.end();
  });
  const { port } = new URL(origin);
  const sandbox = await open("*");
  const seen = (await sandbox.run(`return Promise.all(input.map((url) => fetch(url).then(() => "reached", (error) => error.message)));`, [
    origin,
    `http://localhost:${port}/`,
    `http://[::ffff:127.0.0.1]:${port}/`,
    `http://2130706433:${port}/`,
  ])) as string[];
  for (const message of seen) assert.match(message, /has a loopback address, which "\*" does not cover/);
  assert.equal(callCount, 0);
});

test("one function's named origin opens no way for another's wildcard", async () => {
  const origin = await serve(echo);
  const named = await open(origin);
  assert.equal(await named.run(`return (await fetch(input)).status;`, origin), 200);
  const wild = await open("*");
  await assert.rejects(wild.run(`return (await fetch(input)).status;`, origin), /does not cover/);
});

test("a fetch can be aborted before the answer, within the body, and from the start", async () => {
  const closed: Promise<unknown>[] = [];
  const origin = await serve((request, response) => {
    closed.push(once(response, "close"));
    if (request.url === "/body") response.write("first");
  });
  const sandbox = await open(origin);
  const seen = await sandbox.run(
    `const thrown = async (promise) => { try { await promise; return "nothing"; } catch (error) { return error?.name ?? error; } };
     const before = new AbortController(); const waiting = thrown(fetch(input, { signal: before.signal })); setTimeout(() => before.abort("why"), 20);
     const within = new AbortController(); const reader = (await fetch(input + "/body", { signal: within.signal })).body.getReader(); const first = new TextDecoder().decode((await reader.read()).value); within.abort();
     const cancelled = await fetch(input + "/body"); await cancelled.body.cancel();
     return [await waiting, first, await thrown(reader.read()), await thrown(fetch(input, { signal: AbortSignal.abort() })), await thrown(fetch(input, { signal: AbortSignal.timeout(20) }))];`,
    origin,
  );
  assert.deepEqual(seen, ["why", "first", "AbortError", "AbortError", "TimeoutError"]);
  await Promise.all(closed);
});

test("closing the sandbox ends its fetches at the server", async () => {
  const arrived = Promise.withResolvers<ServerResponse>();
  const origin = await serve((_request, response) => arrived.resolve(response));
  const sandbox = await openWebSandbox({ allow: { fetch: [origin] } });
  void sandbox.run(`await fetch(input);`, origin);
  const response = await arrived.promise;
  const closed = once(response, "close");
  sandbox.close();
  await closed;
  assert.equal(sandbox.context.state.size, 0);
});

test("a large body that nobody reads can be cancelled, or left to the sandbox's end", async () => {
  const gone: Promise<unknown>[] = [];
  const origin = await serve((_request, response) => {
    gone.push(once(response, "close"));
    response.writeHead(200, { "content-length": 50_000_000 }).write(Buffer.alloc(1_000_000));
  });
  const sandbox = await openWebSandbox({ allow: { fetch: [origin] } });
  await sandbox.run(`await (await fetch(input)).body.cancel(); await fetch(input);`, origin);
  assert.equal(sandbox.context.state.size, 1);
  sandbox.close();
  await Promise.all(gone);
  assert.equal(sandbox.context.state.size, 0);
});

test("a slow reader holds back the server, and a slow server the writer", async () => {
  const chunk = Buffer.alloc(64 * 1024);
  let sentBytes = 0;
  let takenBytes = 0;
  const release = Promise.withResolvers<void>();
  const origin = await serve(async (request, response) => {
    if (request.method === "PUT") {
      await release.promise;
      for await (const part of request) takenBytes += (part as Buffer).length;
      response.end();
      return;
    }
    for (let count = 0; count < 1_000; count++) {
      sentBytes += chunk.length;
      if (!response.write(chunk)) await once(response, "drain");
      if (response.destroyed) return;
    }
    response.end();
  });
  const sandbox = await open(origin);
  await sandbox.run(
    `Object.defineProperty(globalThis, "kept", { value: (await fetch(input)).body.getReader() }); await kept.read(); await new Promise((r) => setTimeout(r, 200));`,
    origin,
  );
  assert.ok(sentBytes < 40 * 1024 * 1024, `the server sent ${sentBytes} bytes to nobody`);
  await sandbox.run(`await kept.cancel();`);
  const pulled = sandbox.run(
    `let pulls = 0; const body = new ReadableStream({ pull(c) { if (pulls++ === 600) c.close(); else c.enqueue(new Uint8Array(65536)); } }, { highWaterMark: 0 });
     Object.defineProperty(globalThis, "pulls", { get: () => pulls }); return (await fetch(input, { method: "PUT", body, duplex: "half" })).status;`,
    origin,
  );
  await new Promise((resolve) => setTimeout(resolve, 200));
  const heldAt = (await sandbox.run("return pulls;")) as number;
  assert.ok(heldAt < 600, `the guest wrote all ${heldAt} chunks to a server that read none`);
  release.resolve();
  assert.equal(await pulled, 200);
  assert.equal(takenBytes, 600 * 65_536);
});

test("broken servers and broken bodies become errors, never short answers", async () => {
  const origin = await serve((request, response) => {
    if (request.url === "/cut") response.writeHead(200, { "content-length": 100 }).write("short", () => response.destroy());
    else if (request.url === "/junk") response.writeHead(200, { "content-encoding": "gzip" }).end("not gzip");
    else if (request.url === "/unknown") response.writeHead(200, { "content-encoding": "zstd-x" }).end("as it is");
    else if (request.url === "/upload") void bodyOf(request).catch(() => {});
    else response.destroy();
  });
  const sandbox = await open(origin, "http://127.0.0.1:1", "http://name.invalid");
  const seen = (await sandbox.run(
    `const thrown = async (action) => { try { return [await action()]; } catch (error) { return error.name + ": " + error.message; } };
     return [await thrown(async () => (await fetch(input + "/cut")).text()), await thrown(async () => (await fetch(input + "/junk")).text()), await thrown(async () => (await fetch(input + "/unknown")).text()), await thrown(() => fetch(input + "/x")), await thrown(() => fetch("http://127.0.0.1:1/")), await thrown(() => fetch("http://name.invalid/")),
       await thrown(() => fetch(input + "/upload", { method: "POST", body: new ReadableStream({ pull() { throw new RangeError("my body"); } }) }))];`,
    origin,
  )) as unknown[];
  assert.match(seen[0] as string, /^TypeError: fetch failed: http/);
  assert.match(seen[1] as string, /^TypeError: fetch failed: http/);
  assert.deepEqual(seen[2], ["as it is"]);
  assert.match(seen[3] as string, /^TypeError: fetch failed: .*UND_ERR_SOCKET/);
  assert.equal(seen[4], "TypeError: fetch failed: http://127.0.0.1:1 (ECONNREFUSED)");
  assert.match(seen[5] as string, /^TypeError: fetch failed: http:\/\/name\.invalid \((?:ENOTFOUND|EAI_AGAIN)\)$/);
  assert.equal(seen[6], "RangeError: my body");
});

test("many fetches at once each get their own answer", async () => {
  const origin = await serve((request, response) => void setTimeout(() => response.end(request.url), 1));
  const sandbox = await open(origin);
  const seen = await sandbox.run(
    `return (await Promise.all(Array.from({ length: 200 }, async (_, at) => (await (await fetch(input + "/" + at)).text()) === "/" + at))).every(Boolean);`,
    origin,
  );
  assert.equal(seen, true);
});

test("a request that can't be sent is refused before anything is", async () => {
  const sandbox = await open("http://a.test");
  const seen = await sandbox.run(
    `const thrown = async (action) => { try { await action(); return "nothing"; } catch (error) { return error.name; } };
     return [await thrown(() => fetch("http://a.test", { method: "GET", body: "x" })), await thrown(() => fetch("not a url")), await thrown(() => fetch("http://a.test", { method: "CONNECT" })), await thrown(() => fetch("http://a.test", { headers: { "x y": "1" } })), await thrown(() => fetch("http://a.test", { headers: { x: "a\\r\\nb: c" } })), await thrown(() => fetch("http://u:p@a.test"))];`,
  );
  assert.deepEqual(seen, new Array(6).fill("TypeError"));
});

test("a clone of an answer tells where it came from, and an answer may have any status", async () => {
  const origin = await serve((request, response) => {
    if (request.url === "/odd") response.writeHead(999, "Go Away").end();
    else if (request.url === "/moved") response.writeHead(302, { location: "/there" }).end();
    else response.writeHead(200, "Fine").end("arrived");
  });
  const sandbox = await open(origin);
  const seen = await sandbox.run(
    `const r = await fetch(input + "/moved"); const parts = ({ url, redirected, type, status, statusText }) => ({ url, redirected, type, status, statusText });
     const odd = await fetch(input + "/odd");
     return [parts(r), parts(r.clone()), await r.clone().text(), odd.status, odd.statusText, odd.ok];`,
    origin,
  );
  const parts = { url: `${origin}/there`, redirected: true, type: "basic", status: 200, statusText: "Fine" };
  assert.deepEqual(seen, [parts, parts, "arrived", 999, "Go Away", false]);
});
