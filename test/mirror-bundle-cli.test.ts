/**
 * Bundles as people use them: a lock file is bundled on one machine, imported
 * on another, proved there, and installed by the real pip and the real uv from
 * a mirror that asks nobody.
 */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { type CliResult, pilotlight, startPilotlight } from "./support/cli.ts";
import { digest, sdist, wheel } from "./support/mirror/distributions.ts";
import { environment, pip, python, uv } from "./support/mirror/python-tools.ts";
import { startUpstream, type Upstream } from "./support/mirror/upstream-double.ts";

const cwd = mkdtempSync(join(tmpdir(), "pilotlight-bundles-"));
after(() => rmSync(cwd, { recursive: true, force: true }));

const APP = wheel({
  name: "app",
  version: "1.0",
  requires: ["some-lib==2.0"],
  modules: { "app.py": "import some_lib\nprint('app', some_lib.__version__)\n" },
});
const LIB = wheel({ name: "some-lib", version: "2.0" });
const LIB_SOURCE = sdist("some-lib", "2.0");
const LIB_NEWER = wheel({ name: "some-lib", version: "3.0" });
const ALL = [APP, LIB, LIB_SOURCE, LIB_NEWER];
const PINNED = [APP, LIB].map(({ project, version, sha256 }) => `${project}==${version} --hash=sha256:${sha256}\n`).join("");

/** Nothing of this machine's own settings gets in, and its pip knows an index that nobody answers at. */
const ENV = {
  HOME: cwd,
  XDG_CONFIG_HOME: join(cwd, "none"),
  XDG_CONFIG_DIRS: join(cwd, "none"),
  PIP_INDEX_URL: "http://127.0.0.1:9/simple/",
  UV_DEFAULT_INDEX: "",
  PILOTLIGHT_RETRIES: "0",
};

let names = 0;
function fresh(prefix: string): string {
  return join(cwd, `${prefix}-${++names}`);
}

async function index(t: TestContext): Promise<Upstream> {
  const upstream = await startUpstream();
  t.after(() => upstream.down());
  for (const distribution of ALL) upstream.publish(distribution);
  return upstream;
}

function lockFile(text = PINNED, name = "requirements.txt"): string {
  const folder = fresh("lock");
  mkdirSync(folder);
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

function mirror(...args: readonly string[]): Promise<CliResult> {
  return pilotlight(["mirror", ...args], { cwd, env: ENV });
}

/** "--cache-dir" and an empty one. */
function newCache(): [string, string] {
  return ["--cache-dir", fresh("cache")];
}

/** A bundle of PINNED, and the cache that it was made from. */
async function bundled(upstream: Upstream, lock = lockFile()): Promise<{ readonly file: string; readonly cache: [string, string] }> {
  const [file, cache] = [fresh("bundle"), newCache()];
  const { status, stdout, stderr } = await mirror("bundle", lock, "-o", file, "-i", upstream.indexUrl, ...cache);
  assert.equal(status, 0, stdout + stderr);
  return { file, cache };
}

/** Resolves with its address when it has said it. */
async function serve(t: TestContext, ...args: readonly string[]): Promise<{ readonly url: string; end(): Promise<void> }> {
  const child: ChildProcess = startPilotlight(["mirror", "--json", ...args], { cwd, env: ENV });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout!.on("data", (chunk: Buffer) => {
      said += chunk;
      if (said.includes("\n")) resolve(JSON.parse(said.split("\n", 1)[0]!).listening.url);
    });
    child.stderr!.on("data", (chunk: Buffer) => {
      said += chunk;
    });
    void exited.then(() => reject(new Error(said)));
  });
  return {
    url,
    end() {
      child.kill("SIGTERM");
      return exited;
    },
  };
}

test("what one machine bundles another imports, proves, and gives to the real pip without a network", async (t) => {
  const upstream = await index(t);
  const lock = lockFile();
  const { file } = await bundled(upstream, lock);
  const there = newCache();
  mkdirSync(there[1]!);
  const before = await mirror("verify", lock, ...there);
  assert.equal(before.status, 1);
  assert.match(
    before.stdout,
    /^Missing: 2 things .*\n {2}app: the mirror has no page of it\n {2}some-lib: the mirror has no page of it\n$/,
  );
  const imported = await mirror("import", file, ...there, "--json");
  assert.equal(imported.status, 0, imported.stdout);
  const { projectCount, fileCount, addedCount } = JSON.parse(imported.stdout);
  // Two wheels with their metadata.
  assert.deepEqual([projectCount, fileCount, addedCount], [2, 2, 4]);
  const asked = upstream.requests.length;
  const proof = await mirror("verify", lock, ...there);
  assert.deepEqual([proof.status, proof.stderr], [0, ""]);
  assert.match(proof.stdout, /^Complete: 2 projects, 2 files, .* checked\. An install needs no index\n$/);
  assert.equal(JSON.parse((await mirror("import", file, ...there, "--json")).stdout).addedCount, 0);

  // It is found without --offline, too, while no index can be reached.
  const lonely = await serve(t, "-p", "0", "-i", "http://127.0.0.1:9/simple/", ...there);
  const listed = await fetch(`${lonely.url}/simple/app/`, { headers: { accept: "application/vnd.pypi.simple.v1+json" } });
  assert.deepEqual([listed.status, listed.headers.get("x-cache")], [200, "stale"]);
  const got = await fetch(`${lonely.url}/simple/app/${APP.filename}`);
  assert.deepEqual(Buffer.from(await got.arrayBuffer()), APP.bytes);
  await lonely.end();

  const had = await environment("pip");
  if (!had.ok) return t.skip(had.reason);
  // The address of an index that this machine's pip knows is no reason to miss what was brought.
  const { url, end } = await serve(t, "-p", "0", "--offline", ...there);
  const [folder, target] = [fresh("home"), fresh("target")];
  mkdirSync(folder);
  const { status, stderr } = await pip("install", ["--target", target, "--require-hashes", "-r", lock], {
    folder,
    indexUrl: `${url}/simple/`,
  });
  assert.equal(status, 0, stderr);
  assert.equal((await python("import app", target)).stdout, "app 2.0\n");
  await end();
  assert.equal(upstream.requests.length, asked);
});

test("the lock that the real uv writes is bundled, and uv installs it from a mirror that asks nobody", async (t) => {
  const had = await environment("uv");
  const interpreter = await environment("pip");
  if (!had.ok || !interpreter.ok) return t.skip(had.ok ? "no Python environment" : had.reason);
  const upstream = await index(t);
  const cache = newCache();
  const first = await serve(t, "-p", "0", "-i", upstream.indexUrl, ...cache);
  const { port } = new URL(first.url);
  const folder = fresh("project");
  mkdirSync(folder);
  writeFileSync(
    join(folder, "pyproject.toml"),
    '[project]\nname = "mine"\nversion = "0.1"\nrequires-python = ">=3.9"\ndependencies = ["app"]\n',
  );
  const options = { folder, indexUrl: `${first.url}/simple/` };
  const locked = await uv(["lock"], options);
  assert.equal(locked.status, 0, locked.stderr);
  await first.end();
  const lock = join(folder, "uv.lock");
  const { file } = await bundled(upstream, lock);
  assert.deepEqual((await mirror("import", file, ...newCacheAs(cache))).status, 0);
  const proof = await mirror("verify", lock, ...cache);
  assert.equal(proof.status, 0, proof.stdout);
  await upstream.down();
  await serve(t, "-p", port, "--offline", ...cache);
  const synced = await uv(["sync", "--frozen"], options);
  assert.equal(synced.status, 0, synced.stderr);
  assert.ok(readdirSync(join(folder, ".venv/lib")).length > 0);
});

/** The same folder, emptied: another machine under the same address. */
function newCacheAs(cache: [string, string]): [string, string] {
  rmSync(cache[1], { recursive: true });
  return cache;
}

test("a bundle can be made from a cache alone, and holds the same as before", async (t) => {
  const upstream = await index(t);
  const lock = lockFile();
  const { file, cache } = await bundled(upstream, lock);
  const asked = upstream.requests.length;
  const again = fresh("bundle");
  assert.equal((await mirror("bundle", lock, "-o", again, "--offline", "-i", upstream.indexUrl, ...cache)).status, 0);
  assert.equal(upstream.requests.length, asked);
  assert.equal(statSync(again).size, statSync(file).size);
});

test("a folder of packages is bundled without any index, and its paths stay here", async () => {
  const packages = fresh("packages");
  mkdirSync(packages);
  for (const { filename, bytes } of [APP, LIB]) writeFileSync(join(packages, filename), bytes);
  const [file, there, lock] = [fresh("bundle"), newCache(), lockFile()];
  const { status, stderr } = await mirror("bundle", lock, "-o", file, "--packages", packages, "--no-index", ...newCache());
  assert.deepEqual([status, stderr], [0, ""]);
  assert.equal(readFileSync(file).includes(packages), false);
  assert.equal((await mirror("import", file, ...there)).status, 0);
  assert.equal((await mirror("verify", lock, ...there)).status, 0);
});

test("all that is missing is told at once, with status 1 and without a file", async (t) => {
  const upstream = await index(t);
  const lock = lockFile(`${PINNED}nowhere==1.0\nsome-lib==9.9\n`);
  const file = fresh("bundle");
  const { status, stdout, stderr } = await mirror("bundle", lock, "-o", file, "-i", upstream.indexUrl, ...newCache());
  assert.deepEqual([status, stdout], [1, ""]);
  assert.match(stderr, /^pilotlight mirror bundle: Cannot make the bundle: 2 things are missing\. Nothing was written/);
  assert.match(stderr, /\n {2}nowhere: No index has a project "nowhere"/);
  assert.match(stderr, /\n {2}some-lib 9\.9: the index lists no file of it/);
  assert.equal(existsSync(file) || existsSync(`${file}.part`), false);
  const asJson = await mirror("bundle", lock, "-o", file, "-i", upstream.indexUrl, ...newCache(), "--json");
  assert.deepEqual([asJson.status, asJson.stderr, JSON.parse(asJson.stdout).errors[0].problems.length], [1, "", 2]);
});

test("an index that sends wrong bytes makes no bundle", async (t) => {
  const upstream = await index(t);
  upstream.faults.set(`/files/app/${APP.filename}`, { corrupt: true });
  const { status, stderr } = await mirror("bundle", lockFile(), "-o", fresh("bundle"), "-i", upstream.indexUrl, ...newCache());
  assert.equal(status, 1);
  assert.match(stderr, /app-1\.0-py3-none-any\.whl: Refused .* its sha256 is /);
});

test("what the policy hides is not bundled, and counts as missing in the proof", async (t) => {
  const upstream = await index(t);
  const refused = await mirror("bundle", lockFile(), "-o", fresh("bundle"), "-i", upstream.indexUrl, "--deny", "some-lib", ...newCache());
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /"some_lib-2\.0-py3-none-any\.whl" is withheld/);
  const { cache } = await bundled(upstream);
  const proof = await mirror("verify", lockFile(), "-i", upstream.indexUrl, "--deny", "some-lib", ...cache);
  assert.equal(proof.status, 1);
  assert.match(proof.stdout, /is withheld/);
});

test("the proof names what rotted and what is gone, and another import mends it", async (t) => {
  const upstream = await index(t);
  const lock = lockFile();
  const { file } = await bundled(upstream, lock);
  const cache = newCache();
  assert.equal((await mirror("import", file, ...cache)).status, 0);
  const stored = ({ sha256 }: { sha256: string }) => join(cache[1], "files", sha256.slice(0, 2), sha256);
  const rotten = Buffer.from(APP.bytes);
  rotten[100] = rotten[100]! ^ 1;
  writeFileSync(stored(APP), rotten);
  rmSync(stored({ sha256: digest(LIB.metadata!, "hex") }));
  const { status, stdout } = await mirror("verify", lock, ...cache, "--json");
  assert.equal(status, 1);
  const { isComplete, missing, fileCount } = JSON.parse(stdout);
  assert.deepEqual(
    [isComplete, [...missing].sort(), fileCount],
    [
      false,
      [
        `${APP.filename}: its sha256 is ${digest(rotten, "hex")}, not ${APP.sha256}`,
        `${LIB.filename}.metadata: the mirror has not kept it`,
      ],
      1,
    ],
  );
  assert.equal(JSON.parse((await mirror("import", file, ...cache, "--json")).stdout).addedCount, 2);
  assert.equal((await mirror("verify", lock, ...cache)).status, 0);
});

test("a damaged bundle is refused whole", async (t) => {
  const { file } = await bundled(await index(t));
  truncateSync(file, statSync(file).size - 2_000);
  const cache = newCache();
  const { status, stderr } = await mirror("import", file, ...cache);
  assert.equal(status, 1);
  assert.match(stderr, /^pilotlight mirror import: Cannot import .*: it is not complete/);
  assert.equal((await mirror("verify", lockFile(), ...cache)).status, 1);
});

test("a mirror that runs on the cache is not disturbed, and a bundle can be made through it", async (t) => {
  const upstream = await index(t);
  const cache = newCache();
  const { url } = await serve(t, "-p", "0", "-i", upstream.indexUrl, ...cache);
  const lock = lockFile();
  for (const [args, hint] of [
    [
      ["bundle", lock, "-o", fresh("bundle"), "-i", upstream.indexUrl],
      /Stop that mirror for as long as this takes, or have this fetch through it/,
    ],
    [["import", lock], /Stop that mirror for as long as this takes; it serves what was imported/],
    [["verify", lock], /Stop that mirror/],
  ] as const) {
    const { status, stderr } = await mirror(...args, ...cache);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /another mirror is using it/);
    assert.match(stderr, hint);
  }
  const file = fresh("bundle");
  const through = await mirror("bundle", lock, "-o", file, "-i", `${url}/simple/`, ...newCache());
  assert.equal(through.status, 0, through.stderr);
  assert.equal((await mirror("import", file, ...newCache())).status, 0);
});

test("misuse is one line and status 2, and nothing is opened or fetched for it", async (t) => {
  const upstream = await index(t);
  const lock = lockFile();
  const source = ["-i", upstream.indexUrl];
  const cases: [string[], RegExp][] = [
    [["bundle", "-o", "x"], /No lock file is named\. Write pilotlight mirror bundle LOCKFILE/],
    [["bundle", lock], /It is not said where the bundle goes\. Add -o FILE/],
    [["bundle", lock, "-o", lock], /would take the place of its lock file/],
    [["bundle", lock, "-o", cwd], /it is a folder/],
    [["bundle", lock, "-o", "no/such/folder/x"], /its folder does not exist/],
    [["bundle", "nowhere.txt", "-o", "x"], /Cannot use .*nowhere\.txt: no such file/],
    [["bundle", lockFile("demo ~~ 1"), "-o", "x"], /Cannot use .*requirements\.txt: line 1: /],
    [["bundle", lock, "-o", "x", "--port=1"], /Unknown flag --port/],
    [["verify", "nowhere.txt"], /no such file/],
    [["verify", lock, "--cache-dir", fresh("typo")], /Cannot use the cache folder .*: there is none/],
    [["import"], /No file is named/],
    [["import", "nowhere.tar", "--cache-dir", fresh("cache")], /Cannot read the bundle .*nowhere\.tar/],
    [["--offline", "verify"], /Flags stand before "verify"/],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = await mirror(...args, ...(args[0] === "bundle" ? source : []));
    assert.deepEqual([status, stdout, stderr.trimEnd().split("\n").length], [2, "", 1], `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, message);
  }
  assert.equal(upstream.requests.length, 0);
  assert.equal(existsSync(join(cwd, ".pilotlight")), false);
});

test("an interrupt leaves no half of a bundle", async (t) => {
  const upstream = await index(t);
  const file = fresh("bundle");
  writeFileSync(`${file}.part`, "of a run that was killed");
  upstream.faults.set(`/files/app/${APP.filename}`, { hang: true });
  const child = startPilotlight(["mirror", "bundle", lockFile(), "-o", file, "-i", upstream.indexUrl, ...newCache()], { cwd, env: ENV });
  t.after(() => child.kill("SIGKILL"));
  while (upstream.count(`/files/app/${APP.filename}`) === 0) await new Promise((turn) => setTimeout(turn, 10));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  assert.equal(await ended, 130);
  assert.equal(existsSync(file) || existsSync(`${file}.part`), false);
});
