/**
 * What `npm pack` publishes: dist/ holds src/ and guest/ as erased JavaScript
 * (Node refuses TypeScript under node_modules), the guest's prelude as one
 * script, and the declarations of the public surface. Types become blanks, so
 * lines and columns stay those of the repository. Always starts from nothing:
 * a file that was renamed must not be published twice.
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";
import { bundlePrelude } from "../src/engines/javascript/guest-prelude.ts";

const root = dirname(import.meta.dirname);
const dist = join(root, "dist");

rmSync(dist, { recursive: true, force: true });
const count = eraseFolder("src", "") + eraseFolder("guest", "guest");
const { code } = await bundlePrelude();
writeFileSync(join(dist, "guest", "prelude.bundle.js"), code);
declarePublicTypes();
// Standard output belongs to npm: `npm pack --json` is read by programs.
console.error(`dist/: ${count} modules, the guest's prelude and the types of the public surface`);

/** src/serve/x.ts -> dist/serve/x.js, guest/x.ts -> dist/guest/x.js; tests stay out. */
function eraseFolder(from: string, to: string): number {
  const files = globSync("**/*.ts", { cwd: join(root, from) }).filter((file) => !/\.(?:test|d)\.ts$/.test(file));
  for (const file of files) {
    const target = join(dist, to, file.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, erase(readFileSync(join(root, from, file), "utf8")));
  }
  return files.length;
}

/** Also renames what names a neighbouring module: imports, and `new URL("./x.ts", import.meta.url)`. */
function erase(source: string): string {
  return stripTypeScriptTypes(source, { mode: "strip" }).replace(/(["'])(\.\.?\/[^"'\n]*)\.ts\1/g, "$1$2.js$1");
}

function declarePublicTypes(): void {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const args = [
    "--noEmit",
    "false",
    "--declaration",
    "--emitDeclarationOnly",
    "--outDir",
    dist,
    "--rootDir",
    "src",
    "--project",
    "tsconfig.package.json",
  ];
  const { status } = spawnSync(process.execPath, [compiler, ...args], { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("Cannot write the types of the public surface: the compiler's reasons are above");
}
