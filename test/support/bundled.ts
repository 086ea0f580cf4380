/**
 * Bundles of throw-away projects, run in a bare context: what a function's
 * script does before any guest prelude is involved. Files are dated a minute
 * back, as if the developer had saved them some time ago.
 */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createContext, Script } from "node:vm";
import type { Failure } from "../../src/base/result.ts";
import { type Bundle, bundleFunction } from "../../src/engines/javascript/bundle.ts";
import type { BundleOptions } from "../../src/engines/javascript/bundle-options.ts";

export type Exports = Record<string, unknown>;

const REPOSITORY = resolve(import.meta.dirname, "../..");

/** A folder with these files and this repository's packages installed. `remove` when done. */
export async function projectOf(files: Record<string, string>): Promise<{ root: string; remove(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), "pilotlight-project-"));
  await symlink(join(REPOSITORY, "node_modules"), join(root, "node_modules"));
  for (const [name, content] of Object.entries(files)) await save(join(root, name), content);
  return { root, remove: () => rm(root, { recursive: true }) };
}

export async function save(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  const savedAt = new Date(Date.now() - 60_000);
  await utimes(file, savedAt, savedAt);
}

/** Bundles the first of `files`. */
async function bundleProject(files: Record<string, string>, options: Partial<BundleOptions>) {
  const project = await projectOf(files);
  try {
    const [name] = Object.keys(files);
    const source = { id: "probe", file: join(project.root, name!), sourceRoot: project.root };
    return await bundleFunction(source, { mode: "production", minify: false, ...options });
  } finally {
    await project.remove();
  }
}

export async function bundleOf(files: Record<string, string>, options: Partial<BundleOptions> = {}): Promise<Bundle> {
  const result = await bundleProject(files, options);
  assert.ok(result.ok, result.ok ? "" : result.failure.message);
  return result.value;
}

export async function failureOf(files: Record<string, string>): Promise<Failure> {
  const result = await bundleProject(files, {});
  assert.ok(!result.ok, "the bundle was expected to fail");
  return result.failure;
}

/** What the script hands to the guest, and whether it did so before its first await. */
export async function run(bundle: Bundle, globals: Record<string, unknown> = {}): Promise<{ exports: Exports; sync: boolean }> {
  let installed: Exports | undefined;
  const install = (exports: Exports) => {
    installed = exports;
  };
  const web = {
    Request,
    Response,
    Headers,
    URL,
    URLSearchParams,
    TextEncoder,
    TextDecoder,
    AbortController,
    Blob,
    File,
    atob,
    btoa,
    performance,
    queueMicrotask,
    console,
  };
  const context = createContext({ ...web, ...globals, __pilotlight_install: install });
  const done = new Script(bundle.code, { filename: "pilotlight:probe" }).runInContext(context);
  const sync = installed !== undefined;
  await done;
  assert.ok(installed, "the script installed its exports");
  return { exports: installed, sync };
}
