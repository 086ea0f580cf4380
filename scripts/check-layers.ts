/**
 * Layers: fails on an import that points up or across. The order is the one
 * of ARCHITECTURE.md; a folder of src/ that is not in it is a failure too, so
 * that a new one has to be given its place.
 */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";

/** What each part of src/ may import, besides itself. Tests may also import what lies beside them. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  stats: ["base"],
  config: ["base"],
  http: ["config", "stats", "base"],
  store: ["config", "stats", "base"],
  telemetry: ["config", "stats", "base"],
  host: ["telemetry", "store", "http", "config", "stats", "base"],
  engines: ["host", "telemetry", "store", "http", "config", "stats", "base"],
  serve: ["engines", "host", "telemetry", "store", "http", "config", "stats", "base"],
  mirror: ["host", "telemetry", "store", "http", "config", "stats", "base"],
  index: ["serve", "config", "base"],
  lab: ["serve", "mirror", "engines", "http", "store", "config", "stats", "base"],
  cli: ["index", "lab", "serve", "mirror", "engines", "telemetry", "store", "config", "stats", "base"],
  main: ["cli", "base"],
};

/** Numbers, layouts and types that a sandbox and its host agree on; no behaviour. */
const SHARED_WITH_GUEST = ["guest/wasi/abi.ts", "guest/wasi/channel.ts", "guest/wasi/file-operations.ts", "guest/wasi/exported-names.ts"];

const IMPORT =
  /(?:^|[\s;}])(?:import|export)\s[^"';]*?from\s*["']([^"']+)["']|(?:^|[\s;}])import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/g;

/** One line for each import that breaks the order. */
export function checkLayers(root: string): string[] {
  const files = globSync("{src,guest}/**/*.ts", { cwd: root }).sort();
  return files.flatMap((file) => checkImports(file, readFileSync(join(root, file), "utf8")));
}

/** `file` relative to the root, with slashes. */
export function checkImports(file: string, source: string): string[] {
  const from = layerOf(file);
  if (from === null) return [`${file}: is in no layer; give its folder a place in scripts/check-layers.ts`];
  return importsOf(source).flatMap((specifier) => {
    if (!specifier.startsWith(".")) return checkPackage(file, from, specifier);
    const target = posix.join(dirname(file), specifier);
    // A test of the guest runs outside it, in the engine.
    if (from === "guest")
      return target.startsWith("guest/") || file.endsWith(".test.ts") ? [] : [`${file}: guest code may not import ${target}`];
    if ((from === "engines" || from === "cli") && SHARED_WITH_GUEST.includes(target)) return [];
    const to = layerOf(target);
    // The bundler and its tests name guest files as data; code of the guest never runs in the host.
    if (to === from || to === null || (to === "guest" && file.endsWith(".test.ts"))) return [];
    return MAY_IMPORT[from]!.includes(to) ? [] : [`${file}: ${from} may not import ${to} (${relative("src", target)})`];
  });
}

/** Nothing of Node reaches the guest: there it would resolve to nothing, or worse, to something. */
function checkPackage(file: string, from: string, specifier: string): string[] {
  const isTest = file.endsWith(".test.ts");
  return from === "guest" && specifier.startsWith("node:") && !isTest ? [`${file}: guest code may not import ${specifier}`] : [];
}

function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  return [...code.matchAll(IMPORT)].map((match) => (match[1] ?? match[2] ?? match[3])!);
}

function layerOf(file: string): string | null {
  const [top, second] = file.split("/");
  if (top === "guest") return "guest";
  const name = second?.replace(/(?:\.test)?\.ts$/, "") ?? "";
  return top === "src" && Object.hasOwn(MAY_IMPORT, name) ? name : null;
}
