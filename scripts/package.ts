/**
 * What `npm pack` publishes in dist/: the programs (command line, worker,
 * compiler) as one CommonJS file each, the library as one ES module with its
 * types, and guest/ as erased JavaScript beside its two scripts.
 * One file each, because `serve` is measured from spawn to its first answer:
 * finding, reading and linking a hundred modules costs both its processes more
 * than running them (docs/decisions/0008-published-bundles.md). CommonJS,
 * because there a module that nobody asked for loads nothing.
 * Names and lines stay readable. Always starts from nothing: a file that was
 * renamed must not be published twice.
 */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { basename, dirname, join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import { sha256 } from "../src/base/sha256.ts";
import { bundleGuestScript, prebuiltNames } from "../src/engines/javascript/guest-script.ts";
import { declareTypes } from "./declare-types.ts";

const root = dirname(import.meta.dirname);
const dist = join(root, "dist");

const PROGRAMS = [
  "main",
  "serve/worker-main",
  "cli/build-compile",
  "cli/validate-child",
  "cli/run-child",
  "cli/replay-child",
  "engines/wasm/prepare/prepare-main",
  "lab/load/load-thread",
  "mirror/clients/password-thread",
  "mirror/explain/explain-thread",
  "mirror/packages/inspect-thread",
  "mirror/pages/page-thread",
  "mirror/pages/list-main",
  "store/store-thread",
  "store/sql-thread",
];
const BUNDLE: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  packages: "external",
  target: "node26",
  logLevel: "error",
};
const COMMONJS: BuildOptions = {
  format: "cjs",
  define: { "import.meta.filename": "__filename", "import.meta.dirname": "__dirname" },
};

rmSync(dist, { recursive: true, force: true });
for (const program of PROGRAMS) {
  const outfile = join(dist, `${basename(program)}.cjs`);
  await build({ ...BUNDLE, ...COMMONJS, entryPoints: [`src/${program}.ts`], outfile });
}
await build({ ...BUNDLE, format: "esm", entryPoints: ["src/index.ts"], outfile: join(dist, "index.js") });
eraseGuest();
for (const name of ["prelude", "wasi"] as const) {
  const { code } = await bundleGuestScript(name);
  writeFileSync(join(dist, "guest", prebuiltNames(name).code), code);
  writeFileSync(join(dist, "guest", prebuiltNames(name).hash), sha256(code));
}
declareTypes(root, dist);
// Standard output belongs to npm: `npm pack --json` is read by programs.
console.error(`dist/: ${PROGRAMS.length} programs, the library with its types, and the guest`);

/** guest/x.ts -> dist/guest/x.js, to be bundled with users' functions: types become blanks, so lines stay. */
function eraseGuest(): void {
  for (const file of globSync("**/*.ts", { cwd: join(root, "guest") })) {
    if (/\.(?:test|d)\.ts$/.test(file)) continue;
    const target = join(dist, "guest", file.replace(/\.ts$/, ".js"));
    const erased = stripTypeScriptTypes(readFileSync(join(root, "guest", file), "utf8"), { mode: "strip" });
    mkdirSync(dirname(target), { recursive: true });
    // Imports name neighbouring modules with their extension.
    writeFileSync(target, erased.replace(/(["'])(\.\.?\/[^"'\n]*)\.ts\1/g, "$1$2.js$1"));
  }
}
