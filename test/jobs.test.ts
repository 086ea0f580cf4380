/** Calls in the background on a real server: queued, run, tried again, given up, asked for. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually } from "./support/fake-fleet.ts";
import { startServer, type TestServer, writeFunctions } from "./support/server.ts";

const ECHO = `export default async (request, env, ctx) => {
  const headers = Object.fromEntries(request.headers);
  return Response.json({ method: request.method, url: request.url, body: await request.text(), headers }, { status: 201, headers: { "x-kind": "made" } });
}`;
/** Fails until its third attempt. */
const THIRD = `export default (request) => {
  const attempt = Number(request.headers.get("x-pilotlight-attempt"));
  return new Response("attempt " + attempt, { status: attempt < 3 ? 500 : 200 });
}`;
const FILES = {
  "echo.ts": ECHO,
  "users/[id].ts": `export default (request, env, ctx) => Response.json({ params: ctx.params ?? request.params ?? null, path: new URL(request.url).pathname })`,
  "third.ts": THIRD,
  "always.ts": `export default () => { throw new Error("no good, key 0xSECRET"); }`,
  "refuses.ts": `export default () => new Response("not here", { status: 404 })`,
  "bytes.ts": `export default async (request) => new Response(await request.arrayBuffer(), { headers: { "content-type": "image/png" } })`,
  "large.ts": `export default () => new Response(new Uint8Array(9 * 1024 * 1024))`,
  "alone.ts": `export default (request) => {
    const { search } = new URL(request.url);
    if (search === "?throw") throw new Error("no good either, \\ud83d\\ude00, \\ud83d");
    if (search === "?spin") for (;;);
    if (search === "?sets") return new Response("sorry", { status: 500, headers: { "x-pilotlight-reason": "set%20by%20hand" } });
    return new Response("from a process of its own");
  }`,
  "sends.ts": `export default async (request, env) => Response.json(await env.QUEUE(new URL(request.url).searchParams.get("to")).send({ n: 1 }))`,
  "inbox.ts": `export default async (request) => Response.json({ method: request.method, url: request.url, type: request.headers.get("content-type"), topic: request.headers.get("x-pilotlight-topic"), from: request.headers.get("x-pilotlight-from"), body: await request.json() })`,
  "leaves.ts": `export default () => new Response("still here")`,
};
const ASYNC = { prefer: "respond-async" };

let server: TestServer;

before(async () => {
  server = await startServer(FILES, {
    workers: 2,
    functions: { alone: { isolation: "process", cpuTimeout: "300ms" }, sends: { allow: { queue: ["inbox.ts", "refuses", "nobody"] } } },
    jobs: { retryDelay: "20ms", retryDelayMax: "100ms", attempts: 3 },
  });
});
after(() => server.stop());

async function queued(path: string, init: RequestInit = {}): Promise<string> {
  const answer = await server.get(path, { ...init, headers: { ...ASYNC, ...init.headers } });
  assert.equal(answer.status, 202, await answer.clone().text());
  return answer.headers.get("location")!;
}

function ended(url: string): Promise<Response> {
  return eventually(`${url} has a result`, async () => {
    const answer = await server.get(url);
    return answer.status === 202 ? null : answer;
  });
}

async function jobs(query = ""): Promise<Record<string, unknown>[]> {
  const answer = await fetch(new URL(`/v1/jobs${query}`, server.adminUrl));
  return ((await answer.json()) as { jobs: Record<string, unknown>[] }).jobs;
}

for (const [name, headers] of [
  ["Prefer: respond-async", { prefer: "wait=1, Respond-Async; foo=1" }],
  ["X-Gojinn-Async: true", { "X-GOJINN-Async": "TRUE" }],
] as const) {
  test(`a request with ${name} is told where its answer will be, and its function is called as it would have been`, async () => {
    const answer = await server.get("/echo?a=1", { method: "PUT", body: "héllo", headers: { ...headers, "x-own": "kept" } });
    assert.equal(answer.status, 202);
    const { status, job_id, url } = (await answer.json()) as Record<string, string>;
    assert.equal(status, "queued");
    assert.match(job_id!, /^[0-9a-f]{32}$/);
    assert.deepEqual(
      ["x-gojinn-job-id", "location", "preference-applied"].map((header) => answer.headers.get(header)),
      [job_id, url, "respond-async"],
    );
    const result = await ended(url!);
    assert.deepEqual([result.status, result.headers.get("x-kind")], [201, "made"]);
    const seen = (await result.json()) as { method: string; url: string; body: string; headers: Record<string, string> };
    assert.deepEqual([seen.method, seen.url, seen.body], ["PUT", `${server.url}/echo?a=1`, "héllo"]);
    assert.equal(seen.headers["x-own"], "kept");
    assert.deepEqual([seen.headers["x-pilotlight-job"], seen.headers["x-pilotlight-attempt"]], [job_id, "1"]);
    assert.deepEqual([seen.headers["prefer"], seen.headers["x-gojinn-async"]], [undefined, undefined]);
  });
}

test("other preferences are the function's to read", async () => {
  const others: Record<string, string>[] = [{ prefer: "return=minimal" }, { prefer: "not-respond-async" }, { "x-gojinn-async": "false" }];
  for (const headers of others) {
    const answer = await server.get("/echo", { headers });
    assert.equal(answer.status, 201, JSON.stringify(headers));
  }
});

test("bytes come back as they were sent, by GET and by HEAD, as often as they are asked for", async () => {
  const sent = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256);
  const url = await queued("/bytes", { method: "POST", body: sent });
  for (let count = 0; count < 2; count++) {
    const result = await ended(url);
    assert.equal(result.headers.get("content-type"), "image/png");
    assert.deepEqual(new Uint8Array(await result.arrayBuffer()), sent);
  }
  const head = await server.get(url, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [200, "100000", ""]);
  assert.equal((await server.get(url, { method: "DELETE" })).status, 405);
});

test("a function that fails is tried again until it does not", async () => {
  const result = await ended(await queued("/third"));
  assert.deepEqual([result.status, await result.text()], [200, "attempt 3"]);
});

test("a job that always fails is dead after its attempts, says why to the operator alone, and can be replayed", async () => {
  const url = await queued("/always", { headers: { authorization: "Bearer hunter2" } });
  const id = url.slice("/_jobs/".length);
  const result = await ended(url);
  const text = await result.text();
  assert.equal(result.status, 500);
  assert.match(text, /JOB_DEAD.*3 attempts/);
  const [dead] = await jobs("?state=dead&function=always");
  assert.deepEqual([dead!["id"], dead!["attempts"]], [id, 3]);
  assert.match(String(dead!["error"]), /^Error: no good, key 0xSECRET\n {4}at .*always\.ts:1:\d+/);
  const shown = await (await fetch(new URL(`/v1/jobs/show?id=${id}`, server.adminUrl))).text();
  assert.doesNotMatch(shown, /hunter2/);

  writeFunctions(server.folder, { "always.ts": `export default () => new Response("mended")` });
  await server.reload();
  assert.equal((await fetch(new URL(`/v1/jobs/replay?id=${id}`, server.adminUrl), { method: "POST" })).status, 200);
  assert.equal(await (await ended(url)).text(), "mended");
});

test("a client's error is the answer of a call", async () => {
  const result = await ended(await queued("/refuses"));
  assert.deepEqual([result.status, await result.text()], [404, "not here"]);
});

test("an answer too large to keep is not asked for again", async () => {
  const result = await ended(await queued("/large"));
  assert.equal(result.status, 500);
  const [dead] = await jobs("?state=dead&function=large");
  assert.equal(dead!["attempts"], 1);
  assert.match(String(dead!["error"]), /larger than the 8388608 bytes/);
});

test("a body too large to keep is refused, declared or not", async () => {
  const body = Buffer.alloc(17 * 1024 * 1024);
  const declared = await server.get("/bytes", { method: "POST", body, headers: ASYNC }).catch(() => null);
  if (declared !== null) assert.equal(declared.status, 413);
  const stream = new ReadableStream({
    start(controller) {
      controller.enqueue(body);
      controller.close();
    },
  });
  const chunked = await server
    .get("/bytes", { method: "POST", body: stream, headers: ASYNC, duplex: "half" } as RequestInit)
    .catch(() => null);
  if (chunked !== null) assert.equal(chunked.status, 413);
  assert.deepEqual(await jobs("?state=queued&function=bytes"), []);
  assert.ok(declared !== null || chunked !== null, "both connections broke before their answer");
});

test("a function in a process of its own has jobs too", async () => {
  assert.equal(await (await ended(await queued("/alone"))).text(), "from a process of its own");
});

for (const [how, reason] of [
  ["throw", /^Error: no good either, \u{1f600}, \ufffd\n {4}at .*alone\.ts:3:\d+/u],
  ["spin", /^A turn of alone used more than 300 ms of CPU time$/],
] as const) {
  test(`why a job failed is told of a function in a process of its own as of others: ${how}`, async () => {
    const url = await queued(`/alone?${how}`);
    const told = await (await ended(url)).text();
    assert.match(told, /JOB_DEAD/);
    const dead = (await jobs("?state=dead&function=alone")).find(({ id }) => url.endsWith(String(id)));
    assert.match(String(dead?.["error"]), reason);
  });
}

test("what one worker tells another of a failure reaches no client, whatever it sends", async () => {
  for (const how of ["throw", "sets"]) {
    const answer = await server.get(`/alone?${how}`, { headers: { "x-pilotlight-job": "1" } });
    assert.equal(answer.status, 500);
    assert.equal(answer.headers.get("x-pilotlight-reason"), null);
  }
});

test("a message calls the function that its topic names, by its file's name", async () => {
  const { id } = (await (await server.get("/sends?to=inbox.ts")).json()) as { id: string };
  const got = (await (await ended(`/_jobs/${id}`)).json()) as Record<string, unknown>;
  assert.deepEqual(got, {
    method: "POST",
    url: "http://localhost/inbox",
    type: "application/json",
    topic: "inbox.ts",
    from: "sends",
    body: { n: 1 },
  });
});

test("a message that is refused is dead at once, one that nobody takes waits for a function of that name", async () => {
  const refused = (await (await server.get("/sends?to=refuses")).json()) as { id: string };
  assert.equal((await ended(`/_jobs/${refused.id}`)).status, 500);
  const [dead] = await jobs("?state=dead&topic=refuses");
  assert.deepEqual([dead!["id"], dead!["attempts"], dead!["error"]], [refused.id, 1, "it answered 404: not here"]);

  const waiting = (await (await server.get("/sends?to=nobody")).json()) as { id: string };
  assert.equal((await server.get(`/_jobs/${waiting.id}`)).status, 202);
  writeFunctions(server.folder, { "nobody.ts": `export default () => new Response("here now")` });
  await server.reload();
  assert.equal(await (await ended(`/_jobs/${waiting.id}`)).text(), "here now");
});

test("calls to a function that was removed meanwhile are dead letters, and run when it is back", async () => {
  writeFunctions(server.folder, {
    "leaves.ts": `export default () => new Response("try later", { status: 503, headers: { "retry-after": "1" } })`,
  });
  await server.reload();
  const url = await queued("/leaves");
  rmSync(`${server.folder}/leaves.ts`);
  await server.reload();
  const result = await ended(url);
  assert.equal(result.status, 500);
  const [dead] = await jobs("?state=dead&function=leaves");
  assert.match(String(dead!["error"]), /the function leaves is no longer deployed/);
  writeFunctions(server.folder, { "leaves.ts": FILES["leaves.ts"] });
  await server.reload();
  const replayed = await fetch(new URL("/v1/jobs/replay?dead=1&function=leaves", server.adminUrl), { method: "POST" });
  assert.deepEqual(await replayed.json(), { jobs: 1 });
  assert.equal(await (await ended(url)).text(), "still here");
});

test("an id that nobody was given is not found, whatever it looks like", async () => {
  for (const path of ["/_jobs/", "/_jobs/..%2f", `/_jobs/${"0".repeat(32)}`, `/_jobs/${"A".repeat(32)}`, `/_jobs/${"0".repeat(33)}`]) {
    const answer = await server.get(path);
    assert.deepEqual([answer.status, ((await answer.json()) as { error: { code: string } }).error.code], [404, "JOB_UNKNOWN"], path);
  }
});

test("the metrics count jobs by state, and attempts by what became of them", async () => {
  assert.ok((await server.metric("pilotlight_jobs{", 'function="echo"', 'state="done"')) >= 2);
  assert.ok((await server.metric("pilotlight_jobs{", 'function="large"', 'state="dead"')) >= 1);
  for (const outcome of ["done", "retried", "dead"]) {
    assert.ok((await server.metric("pilotlight_job_attempts_total", `outcome="${outcome}"`)) >= 1, outcome);
  }
  assert.ok((await server.metric("pilotlight_server_answers_total", 'source="jobs"', 'status="202"')) >= 5);
});

test("a result is kept for as long as the settings say, then gone, and at last forgotten", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "pilotlight-jobs-kept-"));
  const options = { dataDir, jobs: { keep: "1ms" } };
  try {
    const first = await startServer({ "echo.ts": ECHO }, options);
    const path = (await first.get("/echo", { headers: ASYNC })).headers.get("location")!;
    await eventually("the result is expired", async () => (await first.get(path)).status === 410);
    await first.stop();
    // The first thing that its runner does is to sweep.
    const second = await startServer({ "echo.ts": ECHO }, options);
    await eventually("the job is forgotten", async () => (await second.get(path)).status === 404);
    await second.stop();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test("a server that takes no jobs from clients answers at once", async () => {
  const strict = await startServer({ "echo.ts": ECHO }, { jobs: { requests: false } });
  try {
    assert.equal((await strict.get("/echo", { headers: ASYNC })).status, 201);
  } finally {
    await strict.stop();
  }
});

test("nothing that a client sends is taken for the server's own word about a job", async () => {
  const result = await ended(
    await queued("/echo", { headers: { "x-pilotlight-job": "forged", "x-pilotlight-attempt": "99", "x-pilotlight-from": "admin" } }),
  );
  const { headers } = (await result.json()) as { headers: Record<string, string> };
  assert.match(headers["x-pilotlight-job"]!, /^[0-9a-f]{32}$/);
  assert.deepEqual([headers["x-pilotlight-attempt"], headers["x-pilotlight-from"]], ["1", undefined]);
});
