/**
 * The types of the public surface, as npm publishes them in dist/: src/ becomes
 * dist/ itself, and what the shared numbers of guest/ declare lies below it, so
 * imports that lead from one to the other lose a step.
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Throws with the compiler's own words. */
export function declareTypes(root: string, dist: string): void {
  const scratch = mkdtempSync(join(tmpdir(), "pilotlight-declare-"));
  try {
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const emit = ["--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--outDir", scratch, "--rootDir", root];
    const { status, stdout } = spawnSync(process.execPath, [compiler, ...emit, "--project", "tsconfig.package.json"], {
      cwd: root,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`Cannot write the types of the public surface:\n${stdout}`);
    for (const file of globSync("{src,guest}/**/*.d.ts", { cwd: scratch })) {
      const target = join(dist, file.replace(/^src\//, ""));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, readFileSync(join(scratch, file), "utf8").replace(/"\.\.\/((?:\.\.\/)*guest\/)/g, '"$1'));
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
