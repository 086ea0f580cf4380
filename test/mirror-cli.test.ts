/** The mirror as people start it: what it says, where it looks for its index, how it ends. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { pilotlight, startPilotlight } from "./support/cli.ts";

const cwd = mkdtempSync(join(tmpdir(), "pilotlight-mirror-cli-"));
const started: ChildProcess[] = [];
after(() => {
  for (const child of started) child.kill("SIGKILL");
  rmSync(cwd, { recursive: true, force: true });
});

/** Nobody listens there: what is said at the start needs no index. */
const INDEX = "http://127.0.0.1:9/simple/";
/** Nothing of this machine's own settings gets in. */
const ENV = {
  HOME: cwd,
  XDG_CONFIG_HOME: join(cwd, "none"),
  XDG_CONFIG_DIRS: join(cwd, "none"),
  PIP_INDEX_URL: "",
  UV_DEFAULT_INDEX: "",
  UV_INDEX_URL: "",
};

let folders = 0;

interface Running {
  readonly child: ChildProcess;
  /** What has been printed so far. */
  said(): string;
}

/** Resolves when `mark` was printed. */
function start(args: readonly string[], env: Readonly<Record<string, string>>, mark: string): Promise<Running> {
  const child = startPilotlight(["mirror", "-p", "0", "--cache-dir", `cache-${++folders}`, ...args], { cwd, env: { ...ENV, ...env } });
  started.push(child);
  let said = "";
  return new Promise((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.includes(mark)) resolve({ child, said: () => said });
    };
    child.stdout!.on("data", hear);
    child.stderr!.on("data", hear);
    child.once("exit", () => reject(new Error(`It ended: ${said}`)));
  });
}

function end({ child }: Running, signal: NodeJS.Signals): Promise<number | null> {
  return new Promise((resolve) => {
    child.once("exit", resolve);
    child.kill(signal);
  });
}

test("the greeting names address, index, cache and the lines to use it; SIGTERM ends it with 0", async () => {
  const mirror = await start(["-i", "http://me:hunter2@127.0.0.1:9/simple"], {}, "export PIP_INDEX_URL");
  const port = /mirrors on http:\/\/127\.0\.0\.1:(\d+)/.exec(mirror.said())?.[1];
  assert.ok(port !== undefined, mirror.said());
  assert.match(mirror.said(), /index-1 {4}http:\/\/127\.0\.0\.1:9\/simple\/ \(from --index-url\)/);
  assert.match(mirror.said(), new RegExp(`cache {6}${cwd}/cache-\\d+, at most 5 GiB`));
  assert.ok(mirror.said().includes(`pip install --index-url http://127.0.0.1:${port}/simple/ NAME`));
  assert.ok(mirror.said().includes(`uv pip install --default-index http://127.0.0.1:${port}/simple/ NAME`));
  assert.doesNotMatch(mirror.said(), /hunter2/);
  assert.ok((await fetch(`http://127.0.0.1:${port}/health`)).status < 500);
  assert.equal(await end(mirror, "SIGTERM"), 0);
});

test("to programs it speaks JSON, one object a line, notices included", async () => {
  const mirror = await start(["serve", "--json", "-i", INDEX], { GROXPI_DOWNLOAD_TIMEOUT: "0.9" }, "MIRROR_VARIABLE_WITHOUT_EFFECT");
  assert.equal(await end(mirror, "SIGINT"), 0);
  const [greeting, ...log] = mirror
    .said()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(greeting.indexes, [{ name: "index-1", url: INDEX, from: "--index-url" }]);
  assert.match(greeting.use.env.UV_DEFAULT_INDEX, /^http:\/\/127\.0\.0\.1:\d+\/simple\/$/);
  assert.match(greeting.notices[0].message, /^GROXPI_DOWNLOAD_TIMEOUT has no effect: /);
  assert.ok(log.some(({ level, message }) => level === "warn" && message.startsWith("GROXPI_DOWNLOAD_TIMEOUT has no effect")));
});

test("a policy is told in a line of its own, and to programs", async () => {
  const args = ["-i", INDEX, "--cooldown", "7d", "--deny", "evil-*", "--pin", "acme-*=index-1"];
  const mirror = await start(args, {}, "export PIP_INDEX_URL");
  assert.match(mirror.said(), /^ {2}policy {5}cool-down 7d, 1 rule, 1 pin, enforced$/m);
  await end(mirror, "SIGTERM");
  const data = await start([...args, "--json"], {}, "\n");
  assert.deepEqual(JSON.parse(data.said().split("\n")[0]!).policy, {
    summary: "cool-down 7d, 1 rule, 1 pin, enforced",
    mode: "enforce",
    cooldownMs: 604_800_000,
    ruleCount: 1,
    pinCount: 1,
  });
  await end(data, "SIGTERM");
});

test("a pin of what the folder of packages owns is noticed, behind the greeting", async () => {
  mkdirSync(join(cwd, "wheels"));
  writeFileSync(join(cwd, "wheels", "acme_core-1.0-py3-none-any.whl"), "");
  const mirror = await start(["-i", INDEX, "--packages", "wheels", "--pin", "acme-*=index-1"], {}, "MIRROR_PIN_IDLE");
  assert.ok(
    mirror.said().includes(`"The pin acme-*=index-1 has no effect on \\"acme-core\\": the folder of packages ${join(cwd, "wheels")} owns`),
  );
  assert.ok(mirror.said().indexOf("export PIP_INDEX_URL") < mirror.said().indexOf("MIRROR_PIN_IDLE"), mirror.said());
  await end(mirror, "SIGTERM");
});

test("lines for people where the log's format says so", async () => {
  const mirror = await start(["-i", INDEX, "--log-format", "console"], { GROXPI_DOWNLOAD_TIMEOUT: "1" }, "GROXPI_DOWNLOAD_TIMEOUT");
  assert.match(mirror.said(), /^\d\d:\d\d:\d\d\.\d\d\d warn {2}GROXPI_DOWNLOAD_TIMEOUT has no effect/m);
  await end(mirror, "SIGTERM");
});

test("this machine's index is asked of pip when none is named, and of nobody when one is", async () => {
  const bin = join(cwd, "bin");
  mkdirSync(bin);
  writeFileSync(
    join(bin, "pip"),
    `#!/bin/sh\necho asked >> "${cwd}/asked"\necho "--index-url <url> Base URL (default http://127.0.0.1:9/built-in)"\n`,
    { mode: 0o755 },
  );
  const env = { PATH: `${bin}:${process.env["PATH"]}` };
  const named = await start(["-i", INDEX], env, "export PIP_INDEX_URL");
  assert.equal(existsSync(join(cwd, "asked")), false);
  await end(named, "SIGTERM");
  const unnamed = await start([], env, "export PIP_INDEX_URL");
  assert.match(unnamed.said(), /index-1 {4}http:\/\/127\.0\.0\.1:9\/built-in\/ \(from pip's own default\)/);
  await end(unnamed, "SIGTERM");
});

test("a mirror that ends by a signal, or by two at once, says what was under way and leaves its databases folded", async () => {
  const wheels = join(cwd, "own");
  mkdirSync(wheels);
  const mirror = await start(["--packages", wheels, "-i", INDEX], {}, "export PIP_INDEX_URL");
  const url = /mirrors on (http:\S+)/.exec(mirror.said())?.[1];
  assert.equal((await fetch(`${url}/simple/nothing/`)).status, 502);
  const ended = end(mirror, "SIGTERM");
  await delay(5);
  mirror.child.kill("SIGTERM");
  assert.equal(await ended, 0);
  assert.match(mirror.said(), /"message":"Stopping: 0 answers and 0 transfers under way"/);
  const left = readdirSync(join(cwd, `cache-${folders}`));
  assert.ok(left.includes("pages.sqlite"));
  const modeOf = (name: string) => (statSync(join(cwd, `cache-${folders}`, name)).mode & 0o777).toString(8);
  assert.deepEqual([modeOf("."), modeOf("pages.sqlite")], ["700", "600"], "nobody else reads which packages are used");
  assert.deepEqual(
    left.filter((name) => /-(?:wal|shm)$/.test(name)),
    [],
  );
});

test("help names the subcommands", async () => {
  const { status, stdout } = await pilotlight(["mirror", "--help"], { cwd, env: ENV });
  assert.equal(status, 0);
  for (const name of ["serve", "bundle", "import", "verify"]) assert.match(stdout, new RegExp(`^ {2}${name} {2,}[A-Z][^\\n]+$`, "m"));
});

test("a second mirror on one folder says so in one line, and ends with 2", async () => {
  const first = await start(["-i", INDEX], {}, "export PIP_INDEX_URL");
  const second = await pilotlight(["mirror", "-p", "0", "-i", INDEX, "--cache-dir", `cache-${folders}`], { cwd, env: ENV });
  assert.deepEqual([second.status, second.stdout, second.stderr.trimEnd().split("\n").length], [2, "", 1], second.stderr);
  assert.match(second.stderr, new RegExp(`cache-${folders}`));
  assert.equal(await end(first, "SIGTERM"), 0);
});

test("clients that are listed are let in, others are asked who they are", async () => {
  const mirror = await start(["--packages", ".", "--no-index"], { PILOTLIGHT_CLIENT_TOKENS: "0123456789abcdef" }, "export PIP_INDEX_URL");
  const url = /mirrors on (http:\S+)/.exec(mirror.said())?.[1];
  const ask = (headers: Record<string, string>) => fetch(`${url}/simple/`, { headers });
  const refused = await ask({});
  assert.deepEqual([refused.status, refused.headers.get("www-authenticate")], [401, 'Basic realm="pilotlight", charset="UTF-8"']);
  assert.equal((await ask({ authorization: "Bearer 0123456789abcdeX" })).status, 401);
  assert.equal((await ask({ authorization: "Bearer 0123456789abcdef" })).status, 200);
  assert.equal((await ask({ authorization: `Basic ${Buffer.from("ci:0123456789abcdef").toString("base64")}` })).status, 200);
  await end(mirror, "SIGTERM");
});

test("misuse is one line and status 2", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const { port } = taken.address() as { port: number };
  const cases: [string[], RegExp][] = [
    [["srve"], /There is no mirror "srve"\. Did you mean serve\?/],
    [["wheels"], /mirror: Unknown subcommand "wheels"; to serve a folder: --packages wheels\. /],
    [["--indx", "x"], /Unknown flag --indx\. See --help/],
    [["-i", "nonsense"], /mirror: --index-url "nonsense" is no web address: use that of a simple index/],
    [["--indx-url", INDEX], /Unknown flag --indx-url\. Did you mean --index-url\?/],
    [[], /No index to mirror is named, and neither pip nor uv on this machine knows one\. Give --index-url/],
    [["-i", INDEX, "-p", String(port)], new RegExp(`${port}`)],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = await pilotlight(["mirror", ...args], { cwd, env: { ...ENV, PATH: join(cwd, "nothing") } });
    assert.deepEqual([status, stdout, stderr.trimEnd().split("\n").length], [2, "", 1], `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, message);
  }
  taken.close();
});
