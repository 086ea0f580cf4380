/** Where the mirror's requests go, what they carry there, and whom they believe. */
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { answerOf, clientOf, failureOf, httpIndex, httpsIndex, type Loopback, rawIndex, textOf } from "./support/loopback-index.ts";
import { PAIR_ONE, PAIR_TWO } from "./support/tls-pairs.ts";

const AUTH = { kind: "basic", username: "us:er", password: "pässword" } as const;
const BASIC = `Basic ${Buffer.from("us:er:pässword").toString("base64")}`;

function redirecting(locations: Readonly<Record<string, string>>): Promise<Loopback> {
  return httpIndex((request, response) => {
    const location = locations[request.url?.replace(/\?.*/, "") ?? ""];
    if (location === undefined) response.end("here");
    else response.writeHead(302, { location }).end("moved");
  });
}

function credentialsOf({ requests }: Loopback): (string | undefined)[] {
  return requests.map(({ headers }) => headers.authorization);
}

test("the index gets its credentials, basic or bearer, also after a redirect within its origin", async () => {
  await using index = await redirecting({ "/simple/A": "/simple/a/" });
  await using basic = clientOf(index.origin, {}, { auth: AUTH });
  await textOf(await answerOf(basic.get("/simple/A")));
  await using bearer = clientOf(index.origin, {}, { auth: { kind: "bearer", token: "t0ken" } });
  await textOf(await answerOf(bearer.get("/simple/a/")));
  assert.deepEqual(credentialsOf(index), [BASIC, BASIC, "Bearer t0ken"]);
});

test("no other origin gets them: not by link, not by redirect, not on the same host's other port", async () => {
  await using files = await httpIndex((_request, response) => response.end("file"));
  await using index = await redirecting({ "/away": `${files.origin}/file`, "/named": files.origin.replace("127.0.0.1", "localhost") });
  await using client = clientOf(index.origin, {}, { auth: AUTH });
  await textOf(await answerOf(client.get(`${files.origin}/link`)));
  const answer = await answerOf(client.get("/away"));
  assert.equal(answer.url, `${files.origin}/file`);
  assert.equal(await textOf(answer), "file");
  await textOf(await answerOf(client.get("/named")));
  assert.deepEqual(credentialsOf(files), [undefined, undefined, undefined]);
  assert.deepEqual(credentialsOf(index), [BASIC, BASIC]);
});

test("who sends a request away and back again doesn't get it back with credentials", async () => {
  let indexOrigin = "";
  await using evil = await httpIndex((_request, response) => response.writeHead(307, { location: `${indexOrigin}/secret` }).end());
  await using index = await redirecting({ "/out": `${evil.origin}/` });
  indexOrigin = index.origin;
  await using client = clientOf(index.origin, {}, { auth: AUTH });
  await textOf(await answerOf(client.get("/out")));
  await textOf(await answerOf(client.get(`${evil.origin}/link`)));
  assert.deepEqual(
    index.requests.map(({ url, headers }) => [url, headers.authorization]),
    [
      ["/out", BASIC],
      ["/secret", undefined],
      ["/secret", undefined],
    ],
  );
});

test("credentials within links and redirects are nobody's to send", async () => {
  await using files = await httpIndex((_request, response) => response.end("file"));
  await using index = await redirecting({ "/away": files.origin.replace("//", "//other:secret@") });
  await using client = clientOf(index.origin);
  const answer = await answerOf(client.get("/away"));
  assert.equal(answer.url, `${files.origin}/`);
  await textOf(answer);
  await textOf(await answerOf(client.get(`${files.origin.replace("//", "//other:secret@")}/link`)));
  assert.deepEqual(credentialsOf(files), [undefined, undefined]);
});

test("loops and endless redirects are failures with their reason, and are not tried again", async () => {
  let count = 0;
  await using index = await httpIndex((request, response) => {
    const location = request.url === "/loop" ? "/loop2" : request.url === "/loop2" ? "/loop" : `/${++count}`;
    response.writeHead(301, { location }).end();
  });
  await using client = clientOf(index.origin, { retriesMax: 3 });
  assert.match(JSON.stringify(await failureOf(client.get("/loop"))), /"UPSTREAM_REDIRECTS".*loop/);
  assert.match(JSON.stringify(await failureOf(client.get("/endless"))), /"UPSTREAM_REDIRECTS".*more than 10/);
  assert.equal(index.requests.length, 2 + 11);
});

test("a redirect to nowhere, to another scheme, or with two answers is a failure", async () => {
  await using index = await redirecting({ "/file": "file:///etc/passwd", "/bad": "http://[", "/empty": "" });
  await using client = clientOf(index.origin);
  for (const path of ["/file", "/bad", "/empty"]) assert.equal((await failureOf(client.get(path))).code, "UPSTREAM_REDIRECTS", path);
});

test("the secrets of signed addresses and of the index are in no failure, no answer and no log line", async () => {
  await using files = await httpIndex((_request, response) => response.writeHead(503).end());
  await using index = await redirecting({ "/a.whl": `${files.origin}/path-secret/a.whl?signature=query-secret` });
  await using client = clientOf(index.origin, { retriesMax: 9 }, { auth: AUTH });
  const byRedirect = await failureOf(client.get("/a.whl?token=query-secret"));
  assert.equal(byRedirect.url, `${index.origin}/a.whl (redirected to ${files.origin})`);
  await failureOf(client.get(`${files.origin}/b.whl?token=query-secret`));
  const said = JSON.stringify([byRedirect, client.logged, client.upstream.health()]);
  assert.match(said, /is down/);
  assert.doesNotMatch(said, /secret|pässword|token=/);
});

test("a public index can't have the mirror fetch from this machine or its network", async () => {
  await using inner = await httpIndex((_request, response) => response.end("inner"));
  const resolve = async (host: string): Promise<{ address: string; family: number }[]> =>
    host === "index.example" ? [{ address: "93.184.215.14", family: 4 }] : [{ address: "127.0.0.1", family: 4 }];
  await using client = clientOf("http://index.example", { retriesMax: 3 }, { resolve });
  for (const url of [inner.origin, `http://rebinds.example:${inner.port}/`, `http://[::ffff:127.0.0.1]:${inner.port}/`]) {
    assert.match(JSON.stringify(await failureOf(client.get(`${url}/a.whl`))), /"UPSTREAM_REDIRECTS".*a loopback address/, url);
  }
  assert.equal(inner.connectionCount, 0);
  assert.equal(client.sleptMs.length, 0, "it won't pass");
});

test("an index at a private address names its neighbours, and still not what no index should", async () => {
  await using index = await redirecting({ "/metadata": "http://169.254.169.254/latest/meta-data/" });
  await using client = clientOf(index.origin);
  assert.match(JSON.stringify(await failureOf(client.get("/metadata"))), /169\.254\.169\.254, a link-local address/);
  const resolve = async (): Promise<{ address: string; family: number }[]> => [{ address: "127.0.0.1", family: 4 }];
  await using named = clientOf("http://index.example", {}, { resolve });
  assert.equal(await textOf(await answerOf(named.get(`http://files.example:${index.port}/a.whl`))), "here");
});

test("a certificate that nobody vouches for is refused, with the way to mend it", async () => {
  await using index = await httpsIndex(PAIR_ONE, (_request, response) => response.end("secure"));
  await using client = clientOf(index.origin);
  assert.deepEqual(await failureOf(client.get("/simple/")), {
    code: "UPSTREAM_UNREACHABLE",
    url: `${index.origin}/simple/`,
    reason: "certificate not trusted: self-signed; give --ca-file",
  });
  assert.equal(index.requests.length, 0);
});

test("the certificates of --ca-file are trusted, beside the system's; others still aren't", async () => {
  const caFile = join(mkdtempSync(join(tmpdir(), "pilotlight-ca-")), "ca.pem");
  writeFileSync(caFile, `# a comment\n${PAIR_ONE.cert}\n`);
  await using trusted = await httpsIndex(PAIR_ONE, (_request, response) => response.end("secure"));
  await using client = clientOf(trusted.origin, { caFile });
  assert.equal(await textOf(await answerOf(client.get("/simple/"))), "secure");
  await using other = await httpsIndex(PAIR_TWO, (_request, response) => response.end("secure"));
  await using stranger = clientOf(other.origin, { caFile });
  assert.match(JSON.stringify(await failureOf(stranger.get("/"))), /certificate not trusted/);
  await using unchecked = clientOf(other.origin, { verifyTls: false });
  assert.equal(await textOf(await answerOf(unchecked.get("/"))), "secure");
});

test("a certificate of another host is refused though its issuer is trusted", async () => {
  const caFile = join(mkdtempSync(join(tmpdir(), "pilotlight-ca-")), "ca.pem");
  writeFileSync(caFile, PAIR_ONE.cert);
  await using index = await httpsIndex(PAIR_ONE, (_request, response) => response.end("secure"));
  const resolve = async (): Promise<{ address: string; family: number }[]> => [{ address: "127.0.0.1", family: 4 }];
  await using client = clientOf(`https://index.example:${index.port}`, { caFile }, { resolve });
  assert.match(JSON.stringify(await failureOf(client.get("/"))), /for another host/);
});

test("a CA file that can't be used is named by its flag, not by its path", async () => {
  await using index = await httpsIndex(PAIR_ONE, (_request, response) => response.end("secure"));
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-ca-"));
  const broken = join(folder, "broken.pem");
  writeFileSync(broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const empty = join(folder, "empty.pem");
  writeFileSync(empty, "nothing\n");
  for (const [caFile, reason] of [
    [join(folder, "none.pem"), /ENOENT/],
    [broken, /can't be read/],
    [empty, /no certificate/],
  ] as const) {
    await using client = clientOf(index.origin, { caFile });
    const said = JSON.stringify(await failureOf(client.get("/")));
    assert.match(said, /--ca-file/);
    assert.match(said, reason);
    assert.ok(!said.includes(folder));
  }
});

test("https is never left for http", async () => {
  await using plain = await httpIndex((_request, response) => response.end("plain"));
  await using index = await httpsIndex(PAIR_ONE, (_request, response) => response.writeHead(302, { location: plain.origin }).end());
  await using client = clientOf(index.origin, { verifyTls: false });
  assert.match(JSON.stringify(await failureOf(client.get("/"))), /from https to plain http/);
  assert.equal(plain.connectionCount, 0);
});

interface Proxy extends AsyncDisposable {
  readonly host: string;
  readonly seen: readonly string[];
}

/** Sends whatever it is asked for to `target`, by absolute form and by CONNECT. */
async function proxyTo(target: Loopback, status = 200): Promise<Proxy> {
  const seen: string[] = [];
  const server = createHttp((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"] ?? ""}`);
    if (status === 200) response.end("by way of the proxy");
    else response.writeHead(status).end();
  });
  server.on("connect", (request, socket) => {
    seen.push(`CONNECT ${request.url} ${request.headers["proxy-authorization"] ?? ""}`);
    if (status !== 200) return socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const through = connect(target.port, "127.0.0.1", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    for (const end of [through, socket]) end.on("error", () => {}).on("close", () => (end === socket ? through : socket).destroy());
    through.pipe(socket).pipe(through);
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("a proxy of the environment is asked for http and https, and resolves the names", async () => {
  await using index = await httpsIndex(PAIR_ONE, (_request, response) => response.end("through the tunnel"));
  await using proxy = await proxyTo(index);
  const env = { HTTP_PROXY: `http://us%40er:word@${proxy.host}`, HTTPS_PROXY: `http://${proxy.host}`, NO_PROXY: "direct.example" };
  const resolve = async (host: string): Promise<never> => {
    throw Object.assign(new Error(host), { code: "ENOTFOUND" });
  };
  await using plain = clientOf("http://index.example", {}, { env, resolve });
  assert.equal(await textOf(await answerOf(plain.get("/simple/"))), "by way of the proxy");
  await using secure = clientOf("https://localhost.example:8443", { verifyTls: false }, { env, resolve });
  assert.equal(await textOf(await answerOf(secure.get("/simple/"))), "through the tunnel");
  await using direct = clientOf("http://direct.example", {}, { env, resolve });
  assert.match(JSON.stringify(await failureOf(direct.get("/"))), /no such host direct\.example/);
  assert.deepEqual(proxy.seen, [
    `GET http://index.example/simple/ Basic ${Buffer.from("us@er:word").toString("base64")}`,
    "CONNECT localhost.example:8443 ",
  ]);
});

test("a proxy that says nothing is waited for no longer than an index", { timeout: 20_000 }, async () => {
  await using silent = await rawIndex(() => {});
  const env = { ALL_PROXY: silent.origin };
  for (const origin of ["https://index.example", "http://index.example"]) {
    await using client = clientOf(origin, { readTimeoutMs: 200 }, { env });
    assert.deepEqual(await failureOf(client.get("/")), { code: "UPSTREAM_TIMEOUT", url: `${origin}/`, timeoutMs: 200 });
  }
});

test("what a proxy refuses is said to be the proxy's refusal", async () => {
  await using index = await httpsIndex(PAIR_ONE, (_request, response) => response.end());
  await using proxy = await proxyTo(index, 407);
  const env = { ALL_PROXY: `http://user:secret@${proxy.host}` };
  for (const origin of ["https://index.example", "http://index.example"]) {
    await using client = clientOf(origin, {}, { env });
    const said = JSON.stringify(await failureOf(client.get("/")));
    assert.match(said, /the proxy answered 407 \(by way of the proxy 127/, origin);
    assert.doesNotMatch(said, /secret/);
  }
});

test("an index behind a proxy names no private address by number either", async () => {
  await using index = await redirecting({});
  await using proxy = await proxyTo(index);
  await using client = clientOf("http://index.example", {}, { env: { HTTP_PROXY: `http://${proxy.host}` } });
  assert.equal((await failureOf(client.get("http://169.254.169.254/latest/"))).code, "UPSTREAM_REDIRECTS");
  assert.deepEqual(proxy.seen, []);
});
