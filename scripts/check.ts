/**
 * `npm run check`: everything that can be said about the repository without
 * running it. Each check is named with its time; one that fails shows its
 * output, and all of them run, so that one round shows everything.
 */
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { checkDocs } from "./check-docs.ts";
import { checkLayers } from "./check-layers.ts";
import { checkTidy } from "./check-tidy.ts";

const root = dirname(import.meta.dirname);
const TYPESCRIPT = "node_modules/typescript/bin/tsc";
const BIOME = "node_modules/@biomejs/biome/bin/biome";

/** Name to a function that returns what is wrong, one entry a problem. */
const CHECKS: Readonly<Record<string, () => readonly string[]>> = {
  "types of src, test and scripts": () => tool(TYPESCRIPT, ["--noEmit"]),
  "types of guest": () => tool(TYPESCRIPT, ["--noEmit", "--project", "guest/tsconfig.json"]),
  "types of examples": () => tool(TYPESCRIPT, ["--noEmit", "--project", "examples/tsconfig.json"]),
  "layers: imports point down": () => checkLayers(root),
  "documented examples parse": () => checkDocs(root),
  "no machine paths, no registry hosts": () => checkTidy(root),
  "lint and format": () => tool(BIOME, ["check", "--error-on-warnings"]),
};

function tool(script: string, args: readonly string[]): readonly string[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { cwd: root, encoding: "utf8" });
  return status === 0 ? [] : [`${stdout}${stderr}`.trim()];
}

let failed = 0;
for (const [name, check] of Object.entries(CHECKS)) {
  const startMs = performance.now();
  const problems = check();
  const took = `${Math.round(performance.now() - startMs)} ms`;
  console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${name} (${took})`);
  for (const problem of problems) console.log(problem.replace(/^/gm, "     "));
  if (problems.length > 0) failed++;
}
console.log(failed === 0 ? "All checks passed." : `${failed} of ${Object.keys(CHECKS).length} checks failed.`);
process.exitCode = failed === 0 ? 0 : 1;
