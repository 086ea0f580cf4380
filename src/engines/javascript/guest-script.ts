/**
 * Guest scripts: what runs in a sandbox before the function's own code, each as
 * one script. The prelude is everything a JavaScript function finds in its
 * global scope, for the heap snapshot; the WASI shim is what a WebAssembly
 * module is connected to. The published package carries them ready made; in the
 * repository they are bundled when a file of guest/ changed. Must not load the
 * bundler when nothing changed: every start passes here.
 */
import { readFileSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { guestDir, guestFile } from "../../base/package-files.ts";
import { sha256 } from "../../base/sha256.ts";
import { writeFileAtomic } from "../../store/atomic-file.ts";
import { BUNDLE_FORMAT } from "./bundle-format.ts";

export type GuestScriptName = "prelude" | "wasi";

const ENTRIES: Readonly<Record<GuestScriptName, string>> = { prelude: "prelude", wasi: "wasi/boot" };

export interface GuestScript {
  readonly code: string;
  /** sha256 of the code, hex: the version of the guest. */
  readonly hash: string;
}

interface ScriptIndex {
  readonly format: number;
  readonly hash: string;
  readonly inputs: readonly { readonly path: string; readonly mtimeMs: number; readonly sizeBytes: number }[];
}

/** What the published package carries ready made, beside guest/'s modules. */
export function prebuiltNames(name: GuestScriptName): { readonly code: string; readonly hash: string } {
  return { code: `${name}.bundle.js`, hash: `${name}.bundle.sha256` };
}

/** Throws when the guest can't be bundled: that is our bug, not the developer's. */
export async function guestScript(name: GuestScriptName, cacheDir: string): Promise<GuestScript> {
  return readPrebuilt(name) ?? readCached(name, cacheDir) ?? (await bundleAndStore(name, cacheDir));
}

/** The version of a script alone: a start that finds its snapshot needs no more. */
export async function guestHash(name: GuestScriptName, cacheDir: string): Promise<string> {
  return readGuest(prebuiltNames(name).hash) ?? (await guestScript(name, cacheDir)).hash;
}

/** Changes whenever V8 would refuse a snapshot of the prelude that was made earlier. */
export function snapshotFileName(preludeHash: string): string {
  return `${preludeHash.slice(0, 16)}-${process.versions.v8}-${process.arch}.snapshot`;
}

/** The script itself, for the package's build step as well. */
export async function bundleGuestScript(name: GuestScriptName): Promise<{ code: string; inputPaths: string[] }> {
  const { withEsbuild } = await import("./esbuild.ts");
  return withEsbuild(async (esbuild) => {
    const result = await esbuild.build({
      entryPoints: [guestFile(ENTRIES[name])],
      absWorkingDir: dirname(guestDir),
      bundle: true,
      write: false,
      metafile: true,
      format: "iife",
      platform: "neutral",
      mainFields: ["module", "main"],
      target: "esnext",
      // Names stay: guests see them in stacks and as constructor.name.
      minifyWhitespace: true,
      minifySyntax: true,
      legalComments: "none",
      define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
      logLevel: "silent",
    });
    return {
      code: result.outputFiles[0]!.text,
      inputPaths: Object.keys(result.metafile.inputs).map((path) => resolve(dirname(guestDir), path)),
    };
  });
}

function readPrebuilt(name: GuestScriptName): GuestScript | null {
  const names = prebuiltNames(name);
  const code = readGuest(names.code);
  const hash = readGuest(names.hash);
  return code === null || hash === null ? null : { code, hash };
}

function readGuest(name: string): string | null {
  try {
    return readFileSync(join(guestDir, name), "utf8");
  } catch {
    return null;
  }
}

function readCached(name: GuestScriptName, cacheDir: string): GuestScript | null {
  try {
    const index = JSON.parse(readFileSync(join(cacheDir, "guest", `${name}.json`), "utf8")) as ScriptIndex;
    if (index.format !== BUNDLE_FORMAT) return null;
    // Another copy of the package may share the folder.
    if (!index.inputs.some(({ path }) => path === guestFile(ENTRIES[name]))) return null;
    for (const input of index.inputs) {
      const now = statSync(input.path);
      if (now.mtimeMs !== input.mtimeMs || now.size !== input.sizeBytes) return null;
    }
    const code = readFileSync(join(cacheDir, "guest", `${index.hash}.js`), "utf8");
    return sha256(code) === index.hash ? { code, hash: index.hash } : null;
  } catch {
    return null;
  }
}

async function bundleAndStore(name: GuestScriptName, cacheDir: string): Promise<GuestScript> {
  const { code, inputPaths } = await bundleGuestScript(name);
  const hash = sha256(code);
  const inputs = inputPaths.map((path) => {
    const { mtimeMs, size } = statSync(path);
    return { path, mtimeMs, sizeBytes: size };
  });
  const index: ScriptIndex = { format: BUNDLE_FORMAT, hash, inputs };
  await mkdir(join(cacheDir, "guest"), { recursive: true });
  await writeFileAtomic(join(cacheDir, "guest", `${hash}.js`), code);
  await writeFileAtomic(join(cacheDir, "guest", `${name}.json`), JSON.stringify(index));
  return { code, hash };
}
