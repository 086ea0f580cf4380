/**
 * Bounds: which files of this machine may become part of a bundle. The bundler
 * runs in the supervisor, outside the permission model, and reads what the code
 * names: without bounds an import would show a function /proc/self/environ.
 * Real paths only, so that no link leads out. What is inside: the project, the
 * node_modules folders that Node would look in, the packages that those link to
 * under their own name (workspaces), and the stand-ins for Node's modules.
 */
import { existsSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { guestDir } from "../../base/package-files.ts";
import { readRegularFile, SOURCE_MAX_BYTES } from "../../base/regular-file.ts";
import { fail, type Result } from "../../base/result.ts";
import { CONFIG_FILE_NAME } from "../../config/source.ts";
import type { BundleSource } from "./bundle.ts";

const PACKAGE_NAME = /^(?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*$/;

/**
 * The project that a function belongs to: where its pilotlight.yaml lies, else
 * the nearest package.json, else its own folder. Neither the root nor, for a
 * package.json, a home folder is a project: most of what they hold is not.
 */
export function projectOf({ file, sourceRoot }: Pick<BundleSource, "file" | "sourceRoot">): string {
  // A source that the configuration takes from elsewhere brings its own surroundings.
  const folder = realpathSync(file === "" || isInside(sourceRoot, file) ? sourceRoot : dirname(file));
  const configured = [folder, dirname(folder)].find((at) => at !== "/" && existsSync(join(at, CONFIG_FILE_NAME)));
  if (configured !== undefined) return configured;
  return ancestors(folder).find((at) => at !== "/" && at !== homedir() && existsSync(join(at, "package.json"))) ?? folder;
}

export class Bounds {
  readonly project: string;
  readonly #folders: Set<string>;
  /** Real paths of node_modules folders. */
  readonly #modules = new Set<string>();

  constructor(source: Pick<BundleSource, "file" | "sourceRoot">) {
    this.project = projectOf(source);
    const guest = realpathSync(guestDir);
    this.#folders = new Set([this.project, guest]);
    this.#addModules(source.file === "" ? this.project : dirname(realOf(source.file) ?? source.file));
    this.#addModules(this.project);
    // Stand-ins are made of packages, which lie where this one is installed.
    this.#addModules(guest);
  }

  /** The file's bytes; or why they may not be had, as a phrase that follows its name. */
  read(path: string): Result<Buffer, string> {
    const real = realOf(path);
    if (real === null) return fail("no such file");
    if (!this.#admits(real))
      return fail(`${real === path ? "it" : `it is a link to ${real}, which`} lies outside the project ${this.project}`);
    return readRegularFile(real);
  }

  #admits(path: string): boolean {
    for (const folder of this.#folders) if (isInside(folder, path)) return true;
    const linked = ancestors(dirname(path)).find((folder) => this.#isLinkedPackage(folder));
    if (linked === undefined) return false;
    // What the package imports in turn is linked from its own node_modules.
    this.#folders.add(linked);
    this.#addModules(linked);
    return true;
  }

  #isLinkedPackage(folder: string): boolean {
    const name = packageNameOf(folder);
    return name !== null && [...this.#modules].some((modules) => realOf(join(modules, name)) === folder);
  }

  #addModules(folder: string): void {
    for (const at of ancestors(folder)) {
      const modules = realOf(join(at, "node_modules"));
      // A link under that name to anything else would let all of it in.
      if (modules === null || basename(modules) !== "node_modules") continue;
      this.#modules.add(modules);
      this.#folders.add(modules);
    }
  }
}

/**
 * The bundler reads these by itself, wherever the code lies, to the end. Those
 * of imported folders are not looked at: there the limit of time has to do.
 */
export function unusableSettings(folder: string): string | null {
  const files = ancestors(folder).flatMap((at) => [join(at, "package.json"), join(at, "tsconfig.json")]);
  const isUsable = (file: string): boolean => {
    const stats = statSync(file, { throwIfNoEntry: false });
    return stats === undefined || stats.isDirectory() || (stats.isFile() && stats.size <= SOURCE_MAX_BYTES);
  };
  return files.find((file) => !isUsable(file)) ?? null;
}

function packageNameOf(folder: string): string | null {
  const read = readRegularFile(join(folder, "package.json"));
  if (!read.ok) return null;
  try {
    const { name } = JSON.parse(read.value.toString("utf8")) as { name?: unknown };
    return typeof name === "string" && PACKAGE_NAME.test(name) ? name : null;
  } catch {
    return null;
  }
}

/** The root holds everything: only what lies directly in it belongs to it. */
function isInside(folder: string, path: string): boolean {
  return folder === "/" ? dirname(path) === "/" : path.startsWith(`${folder}/`);
}

/** The folder itself first, the root last. */
function ancestors(folder: string): string[] {
  const all = [folder];
  for (let at = folder; at !== dirname(at); at = dirname(at)) all.push(dirname(at));
  return all;
}

function realOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
