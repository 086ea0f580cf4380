/** What npm publishes, as somebody gets it: packed, installed in an empty folder, serving with the Node of this machine. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..");
const STEP_MAX_MS = 50_000;
/** What npm says when it is the network that fails, not the package. */
const UNREACHABLE = /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b/;

/** Without the repository's own Node, and without what an npm script around this test has set. */
function newcomersEnv(): NodeJS.ProcessEnv {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:npm_(?!config_)|NODE_|PILOTLIGHT_)/.test(name)));
  const path = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  return { ...env, PATH: path.join(delimiter) };
}

test("the packed tarball, installed in an empty folder, serves a TypeScript function by npx", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-package-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const env = newcomersEnv();
  const npm = (cwd: string, ...args: string[]) => spawnSync("npm", args, { cwd, env, encoding: "utf8", timeout: STEP_MAX_MS });
  if (npm(folder, "--version").status !== 0) return t.skip("NOT TESTED: there is no npm beside the repository's own Node");

  const packed = npm(ROOT, "pack", "--silent", "--pack-destination", folder);
  assert.equal(packed.status, 0, packed.stderr);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  assert.ok(tarball, packed.stdout);

  const empty = join(folder, "empty");
  mkdirSync(empty);
  const flags = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--fetch-retries=0"];
  const installed = npm(empty, "install", ...flags, join(folder, tarball));
  if (installed.status !== 0 && UNREACHABLE.test(installed.stderr)) return t.skip("NOT TESTED: npm's registry can't be reached");
  assert.equal(installed.status, 0, installed.stderr);

  writeFileSync(join(empty, "hello.ts"), "export default (request: Request): Response => new Response(new URL(request.url).pathname);");
  const server = spawn("npx", ["pilotlight", "serve", "hello.ts", "--json", "-p", "0", "-w", "1", "--admin", "off"], { cwd: empty, env });
  t.after(() => server.kill("SIGKILL"));
  let complaints = "";
  server.stderr.on("data", (text) => {
    complaints += text;
  });
  // The pipe closes when the last of npx, its shell and the server has gone.
  const closed = once(server, "close");
  const [greeting] = await Promise.race([
    once(createInterface({ input: server.stdout }), "line"),
    closed.then(() => assert.fail(`it ended without a greeting: ${complaints}`)),
  ]);
  const { url } = JSON.parse(greeting as string).listening as { url: string };
  assert.equal(await (await fetch(`${url}/any`)).text(), "/any");
  server.kill("SIGTERM");
  await closed;
});
