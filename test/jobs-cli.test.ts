/** `pilotlight jobs`, with a server and on the data folder alone. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pilotlight } from "./support/cli.ts";
import { eventually } from "./support/fake-fleet.ts";
import { startServer, type TestServer } from "./support/server.ts";

interface Listed {
  readonly jobs: readonly { readonly id: string; readonly state: string; readonly error: string | null }[];
}

const FAILS = `export default () => new Response("no \\u001b[31mluck", { status: 500 });`;

const empty = mkdtempSync(join(tmpdir(), "pilotlight-jobs-"));
let server: TestServer;
let dataDir: string;

before(async () => {
  mkdirSync(join(empty, "functions"));
  server = await startServer({ "fails.ts": FAILS, "works.ts": "export default () => new Response('fine');" }, { jobs: { attempts: 1 } });
  dataDir = join(server.folder, ".pilotlight");
});
after(async () => {
  await server.stop();
  rmSync(empty, { recursive: true, force: true });
});

function jobs(...args: string[]): ReturnType<typeof pilotlight> {
  return pilotlight(["jobs", ...args], { cwd: empty });
}

async function queue(path: string): Promise<string> {
  const answer = await server.get(path, {
    method: "POST",
    body: "the body",
    headers: { prefer: "respond-async", authorization: "Bearer hunter2" },
  });
  const id = answer.headers.get("x-gojinn-job-id")!;
  await eventually("the job has ended", async () => (await server.get(`/_jobs/${id}`)).status !== 202);
  return id;
}

/** At the server, and in the folder while it runs: both see the same. */
for (const where of ["the server", "the data folder"] as const) {
  const source = (): string[] => (where === "the server" ? ["--admin", new URL(server.adminUrl).host] : ["--data-dir", dataDir]);

  test(`list, show, replay and drop work on ${where}`, async () => {
    const id = await queue("/fails");
    const listed = await jobs("list", "--state", "dead", ...source());
    assert.equal(listed.status, 0, listed.stderr);
    assert.match(listed.stdout, new RegExp(`^${id} +dead +fails +1/1 .* it answered 500: no`, "m"));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: ESC would steer the terminal.
    assert.doesNotMatch(listed.stdout, /\x1b/);

    const shown = await jobs("show", id, ...source());
    assert.match(shown.stdout, /dead, for fails\n[\s\S]*Last error: it answered 500[\s\S]*POST \/fails\n[\s\S]*the body/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
    assert.doesNotMatch(shown.stdout, /hunter2|\x1b/);

    const replayed = await jobs("replay", id, "--json", ...source());
    assert.deepEqual([replayed.status, replayed.stdout], [0, '{"jobs":1}\n'], replayed.stderr);
    if (where === "the server") await eventually("it is dead again", async () => (await server.get(`/_jobs/${id}`)).status === 500);
    const dropped = await jobs("drop", id, ...source());
    assert.deepEqual([dropped.status, dropped.stdout], [0, "Dropped: 1 job\n"], dropped.stderr);
    const gone = await jobs("show", id, ...source());
    assert.equal(gone.status, 1);
    assert.match(gone.stderr, new RegExp(`There is no job ${id}`));
  });
}

test("every dead one is replayed or dropped at once, of one function if it is named", async () => {
  const admin = ["--admin", new URL(server.adminUrl).host];
  for (let count = 0; count < 3; count++) await queue("/fails");
  assert.equal((await jobs("replay", "--dead", "--function", "works", ...admin)).stdout, "Queued again: 0 jobs\n");
  assert.equal((await jobs("drop", "--dead", "--function", "fails", ...admin)).stdout, "Dropped: 3 jobs\n");
  const listed = JSON.parse((await jobs("list", "--state", "dead", "--json", ...admin)).stdout) as Listed;
  assert.deepEqual(listed, { jobs: [] });
});

test("a folder without jobs has none, and is not changed by the question", async () => {
  const listed = await pilotlight(["jobs", "list"], { cwd: empty, env: { PILOTLIGHT_ADMIN: "off" } });
  assert.deepEqual([listed.status, listed.stdout], [0, "No jobs.\n"], listed.stderr);
  assert.equal(existsSync(join(empty, ".pilotlight")), false);
});

test("what was typed wrongly is told in one line, with 2", async () => {
  for (const [args, part] of [
    [[], /Write pilotlight jobs list/],
    [["lsit"], /Did you mean list\?/],
    [["list", "--state", "gone"], /state must be one of queued, running, done, dead/],
    [["list", "--limit", "0"], /limit must be from 1 to 1000/],
    [["show"], /No job is named/],
    [["show", ""], /No job is named/],
    [["replay"], /No job is named/],
    [["drop", "abc", "--dead"], /Both a job and --dead/],
  ] as const) {
    const { status, stderr } = await jobs(...args);
    assert.equal(status, 2, args.join(" "));
    assert.match(stderr, part);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  }
});

test("a server that runs none leaves jobs to others, and so does a command that calls one function", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-jobs-none-"));
  const dataDir = join(folder, ".pilotlight");
  const slow = "export default () => new Promise((resolve) => setTimeout(() => resolve(new Response('called')), 1_000));";
  const none = await startServer({ "slow.ts": slow }, { dataDir, jobs: { concurrency: 0 } });
  try {
    const queued = await none.get("/slow", { headers: { prefer: "respond-async" } });
    assert.equal(queued.status, 202);
    const invoked = await pilotlight(["invoke", "slow", "--data-dir", dataDir], { cwd: none.folder });
    assert.deepEqual([invoked.status, invoked.stdout], [0, "called"], invoked.stderr);
    const state = (await (await none.get(queued.headers.get("location")!)).json()) as Record<string, unknown>;
    assert.deepEqual([state["status"], state["attempts"]], ["queued", 0]);
  } finally {
    await none.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
