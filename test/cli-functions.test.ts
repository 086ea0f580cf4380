/** The commands that run functions, as somebody at a shell would use them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { pilotlight, startPilotlight } from "./support/cli.ts";

const cwd = mkdtempSync(join(tmpdir(), "pilotlight-cli-"));
after(() => rmSync(cwd, { recursive: true, force: true }));

const FILES = {
  "pilotlight.yaml": "functions:\n  echo:\n    env: { MARK: from yaml }\n",
  "functions/echo.ts":
    "export default async (request: Request, env: { MARK: string }) => Response.json({ method: request.method, path: new URL(request.url).pathname, x: request.headers.get('x'), body: await request.text(), mark: env.MARK });",
  "functions/users/[id].ts":
    "export function GET(_: Request, __: object, ctx: { params: { id: string } }) { return new Response(ctx.params.id); }",
  "functions/teapot.ts": "export default () => new Response('short and stout', { status: 418 });",
  "functions/echo.http": '### echoes\nPOST /echo\nX: 1\n\nhello\n\n?? json body == "hello"\n?? json x == "1"\n',
  "secretive/pilotlight.yaml": "functions:\n  vault:\n    secrets: [VAULT_KEY]\n    isolation: bounded(7)\n",
  "secretive/functions/vault.ts": "export default () => new Response('open');",
  "thrown.ts": "export default () => {\n  throw new Error('no tea');\n};\n",
  "broken/bad.ts": "export default {\n  fetch() { oops( }\n};\n",
  "failing/hello.ts": "export default () => new Response('one\\ntwo\\n');",
  "failing/hello.http": '### differs\nGET /hello\n\n?? status == 200\n?? body == """\none\n2\n\n"""\n',
  "failing/typo.http": "GET /hello\n\n?? stauts == 200\n",
};
for (const [name, text] of Object.entries(FILES)) {
  mkdirSync(dirname(join(cwd, name)), { recursive: true });
  writeFileSync(join(cwd, name), text);
}

test("invoke prints the body alone and ends with 0", async () => {
  const { status, stdout, stderr } = await pilotlight(["invoke", "users/[id]", "--path", "/users/ada"], { cwd });
  assert.deepEqual([status, stdout, stderr], [0, "ada", ""]);
});

test("invoke sends method, headers and a body from standard input, with the project's settings", async () => {
  const { stdout } = await pilotlight(["invoke", "echo", "-X", "PUT", "-H", "X: y", "-d", "-"], { cwd, input: "from a pipe" });
  assert.deepEqual(JSON.parse(stdout), { method: "PUT", path: "/echo", x: "y", body: "from a pipe", mark: "from yaml" });
});

test("invoke ends with 1 when the function answers 400 or above", async () => {
  const { status, stdout, stderr } = await pilotlight(["invoke", "teapot"], { cwd });
  assert.deepEqual([status, stdout], [1, "short and stout"]);
  assert.match(stderr, /418/);
});

test("invoke --include puts status and headers before the body", async () => {
  const { stdout } = await pilotlight(["invoke", "/users/7", "-i"], { cwd });
  assert.match(stdout, /^HTTP\/1\.1 200 OK\n[\s\S]*content-type: text\/plain[\s\S]*\n\n7$/i);
});

test("invoke of an unknown function names the one that was meant", async () => {
  const { status, stderr } = await pilotlight(["invoke", "teapto"], { cwd });
  assert.equal(status, 2);
  assert.match(stderr, /Did you mean teapot\?/);
});

test("invoke tells an error in full on standard error, as there is no server log to look into", async () => {
  const { status, stdout, stderr } = await pilotlight(["invoke", "thrown.ts"], { cwd });
  assert.deepEqual([status, stdout], [1, ""]);
  assert.match(stderr, /^HTTP\/1\.1 500 /m);
  assert.match(stderr, /^\S+ error thrown: Error: no tea code=HANDLER_THREW/m);
  assert.match(stderr, /\n {4}at \S+ \(thrown\.ts:2:9\)\n/);
  assert.match(stderr, /\n> 2 \| +throw new Error\('no tea'\);\n/);
  const json = JSON.parse((await pilotlight(["invoke", "thrown.ts", "--json"], { cwd })).stdout);
  assert.match(json.body, /^HANDLER_THREW in thrown\n/);
});

test("invoke of a function that can't be served says why", async () => {
  const { status, stdout, stderr } = await pilotlight(["invoke", "vault", "--source", "secretive"], { cwd });
  assert.deepEqual([status, stdout], [1, ""]);
  assert.match(stderr, /Cannot serve vault: its secret VAULT_KEY is not in the environment\. Set VAULT_KEY /);
});

test("test runs the .http files and counts", async () => {
  const { status, stdout } = await pilotlight(["test"], { cwd });
  assert.equal(status, 0);
  assert.match(stdout, /✓ echoes/);
  assert.match(stdout, /\n1 passed, 0 failed\n$/);
});

/** Node keeps a cache beside them. */
const scratchFolders = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith("pilotlight-"));

test("what tests keep begins empty and is gone afterwards, unless a data folder is named", async () => {
  const project = join(cwd, "keeping");
  const scratch = join(cwd, "scratch");
  for (const folder of [join(project, "functions"), scratch]) mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(project, "functions/count.js"),
    "export default async (_, env) => { const n = ((await env.KV.get('n', 'json')) ?? 0) + 1; await env.KV.put('n', String(n)); return new Response(String(n)); };",
  );
  writeFileSync(join(project, "functions/count.http"), "GET /count\n\n?? body == 1\n\n### again\nGET /count\n\n?? body == 2\n");
  writeFileSync(join(project, "pilotlight.yaml"), "functions:\n  count: { allow: { kv: [counts] } }\n");
  const run = (...flags: string[]) => pilotlight(["test", ...flags], { cwd: project, env: { TMPDIR: scratch } });
  for (let times = 0; times < 2; times++) {
    const { status, stdout, stderr } = await run();
    assert.deepEqual([status, stderr], [0, ""], stdout);
    assert.match(stdout, /\n2 passed, 0 failed\n$/);
  }
  assert.equal(existsSync(join(project, ".pilotlight")), false);
  assert.deepEqual(scratchFolders(scratch), []);
  assert.equal((await run("--data-dir", "kept")).status, 0);
  const again = await run("--data-dir", "kept");
  assert.equal(again.status, 1, again.stdout);
  assert.match(again.stdout, /got "3"/);
});

test("an interrupted run leaves nothing behind either", async () => {
  const project = join(cwd, "endless");
  const scratch = join(project, "scratch");
  mkdirSync(scratch, { recursive: true });
  writeFileSync(join(project, "wait.js"), "export default () => new Promise(() => { setTimeout(() => {}, 60_000); });");
  writeFileSync(join(project, "wait.http"), "GET /wait\n\n?? status == 200\n");
  const child = startPilotlight(["test", "wait.js"], { cwd: project, env: { TMPDIR: scratch } });
  await once(child.stdout!, "data");
  assert.equal(scratchFolders(scratch).length, 1);
  child.kill("SIGINT");
  const [status] = await once(child, "close");
  assert.deepEqual([status, scratchFolders(scratch)], [130, []]);
});

test("a place for what tests keep that can't be had is one line", async () => {
  const { status, stdout, stderr } = await pilotlight(["test"], { cwd, env: { TMPDIR: join(cwd, "thrown.ts") } });
  assert.deepEqual([status, stdout, stderr.trimEnd().split("\n").length], [2, "", 1], stderr);
  assert.match(
    stderr,
    /^pilotlight test: Cannot write to the folder for temporary files \S+thrown\.ts: a file stands where a folder is needed\. .*TMPDIR, or a data/,
  );
});

test("a failed test shows a diff and ends with 1", async () => {
  const { status, stdout } = await pilotlight(["test", "failing/hello.http"], { cwd });
  assert.equal(status, 1);
  assert.match(stdout, /failing\/hello\.http:5 expected body ==/);
  assert.match(stdout, /^ +- 2$/m);
  assert.match(stdout, /^ +\+ two$/m);
  assert.match(stdout, /\n0 passed, 1 failed\n$/);
});

test("a misspelt expectation is an error with its line, not a passed test", async () => {
  const { status, stderr } = await pilotlight(["test", "failing/typo.http"], { cwd });
  assert.equal(status, 2);
  assert.match(stderr, /failing\/typo\.http:3: .*Did you mean status\?/);
});

test("validate reports every function and the place of what is wrong", async () => {
  const good = await pilotlight(["validate", "--json"], { cwd });
  assert.deepEqual([good.status, JSON.parse(good.stdout).failed], [0, 0]);
  const bad = await pilotlight(["validate", "broken"], { cwd });
  assert.equal(bad.status, 1);
  assert.match(bad.stdout, /bad\.ts:2:\d+/);
  assert.match(bad.stdout, /0 of 1 functions can be served/);
});

test("validate finds a module that throws while it is loaded, without calling anything", async () => {
  mkdirSync(join(cwd, "throwing"), { recursive: true });
  writeFileSync(join(cwd, "throwing", "a.js"), "throw new Error('at the top');\nexport default () => new Response('');\n");
  const { status, stdout } = await pilotlight(["validate", "throwing"], { cwd });
  assert.equal(status, 1);
  assert.match(stdout, /a can't be loaded: Error: at the top/);
});

test("a secret that is not set here is a note of validate, and nothing to list", async () => {
  const words = await pilotlight(["validate", "secretive"], { cwd });
  assert.equal(words.status, 0, words.stdout);
  assert.match(words.stdout, /^note {2}secretive\/functions\/vault\.ts: vault needs VAULT_KEY when it is served$/m);
  assert.match(words.stdout, /1 of 1 functions can be served/);
  const { functions, warnings } = JSON.parse((await pilotlight(["validate", "secretive", "--json"], { cwd })).stdout);
  assert.deepEqual([functions[0].failure, warnings[0].code], [null, "SECRET_MISSING"]);
  const list = await pilotlight(["list", "secretive", "--json", "--admin", "127.0.0.1:9"], { cwd });
  assert.equal(JSON.parse(list.stdout).functions[0].failure, null);
});

test("invoke reads the project's .env, another file by --env-file, and the environment wins", async () => {
  writeFileSync(join(cwd, "secretive/.env"), "VAULT_KEY=from the project\n");
  writeFileSync(join(cwd, "secretive/other.env"), "VAULT_KEY=from the file\n");
  const key = "export default (_: Request, env: { VAULT_KEY: string }) => new Response(env.VAULT_KEY);";
  writeFileSync(join(cwd, "secretive/functions/key.ts"), key);
  writeFileSync(join(cwd, "secretive/pilotlight.yaml"), `${FILES["secretive/pilotlight.yaml"]}  key:\n    secrets: [VAULT_KEY]\n`);
  const told = async (args: readonly string[], env: Record<string, string> = {}) =>
    (await pilotlight(["invoke", "key", ...args], { cwd: join(cwd, "secretive"), env })).stdout;
  assert.equal(await told([]), "from the project");
  assert.equal(await told(["--env-file", "other.env"]), "from the file");
  assert.equal(await told(["--env-file", "other.env"], { VAULT_KEY: "from the shell" }), "from the shell");
  for (const name of [".env", "functions/key.ts"]) rmSync(join(cwd, "secretive", name));
  writeFileSync(join(cwd, "secretive/pilotlight.yaml"), FILES["secretive/pilotlight.yaml"]);
});

test("list and validate write a function's isolation as pilotlight.yaml does", async () => {
  for (const args of [["validate"], ["list", "--admin", "127.0.0.1:9"]]) {
    const { stdout } = await pilotlight([...args, "secretive", "--json"], { cwd });
    assert.equal(JSON.parse(stdout).functions[0].isolation, "bounded(7)");
  }
});

test("list names functions, routes and methods without a server", async () => {
  const { status, stdout } = await pilotlight(["list", "--json"], { cwd, env: { PILOTLIGHT_ADMIN: "127.0.0.1:9" } });
  assert.equal(status, 0);
  const functions = JSON.parse(stdout).functions as { id: string; route: string; methods: string[] }[];
  assert.deepEqual(
    functions.map(({ id, route, methods }) => [id, route, methods]),
    [
      ["echo", "/echo", []],
      ["teapot", "/teapot", []],
      ["users/[id]", "/users/:id", ["GET"]],
    ],
  );
});

test("what build made answers without its sources", async () => {
  const built = await pilotlight(["build", "-o", "out"], { cwd });
  assert.equal(built.status, 0, built.stderr);
  const { status, stdout } = await pilotlight(["invoke", "users/[id]", "--source", "out", "--path", "/users/b"], { cwd });
  assert.deepEqual([status, stdout], [0, "b"]);
});

test("a build beside its project is served with the project's settings", async () => {
  writeFileSync(join(cwd, "secretive/pilotlight.yaml"), "memory: 64m\ntimeout: 7s\nfunctions:\n  vault: { id: safe, timeout: 3s }\n");
  assert.equal((await pilotlight(["build"], { cwd: join(cwd, "secretive") })).status, 0);
  const { status, stdout } = await pilotlight(["list", "dist", "--json", "--admin", "127.0.0.1:9"], { cwd: join(cwd, "secretive") });
  assert.equal(status, 0);
  const [vault] = JSON.parse(stdout).functions;
  assert.deepEqual([vault.id, vault.memoryMaxBytes, vault.timeoutMs], ["safe", 64 * 1024 * 1024, 3_000]);
  const answer = await pilotlight(["invoke", "safe", "--source", "dist"], { cwd: join(cwd, "secretive") });
  assert.deepEqual([answer.status, answer.stdout], [0, "open"], answer.stderr);
});

test("init writes a project whose tests pass at once, and refuses to write over it", async () => {
  assert.equal((await pilotlight(["init", "fresh"], { cwd })).status, 0);
  assert.match((await pilotlight(["init", "My Shop"], { cwd })).stdout, /\n {2}cd 'My Shop'\n/);
  const { status, stdout } = await pilotlight(["test"], { cwd: join(cwd, "fresh") });
  assert.equal(status, 0);
  assert.match(stdout, /\n3 passed, 0 failed\n$/);
  const again = await pilotlight(["init", "fresh"], { cwd });
  assert.equal(again.status, 1);
  assert.match(again.stderr, /Choose another name/);
});
