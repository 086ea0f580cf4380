/** `pilotlight init NAME`: writes a project that runs and tests at once. Never overwrites a file. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { packageDir } from "../base/package-files.ts";
import { version } from "../base/version.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { makeFolder } from "../store/data-folder.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";
import { projectFiles } from "./init-files.ts";
import { quote } from "./route-table.ts";

export const init: Command = {
  name: "init",
  usage: "NAME [flags]",
  about:
    "Writes the folder NAME: two functions, their tests, settings and a package.json.\nNAME may be an existing folder when it is empty. No file is ever overwritten.",
  flags: [JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight init hello", "a project in ./hello"],
    ["cd hello && npm install && npx pilotlight dev", "serve it and reload on save"],
    ["npx pilotlight test", "run its .http files"],
  ],
  run: async (call) => run(call),
};

function run({ flags, flag, io }: Call): number {
  const name = flags.positionals[0];
  const complain = (code: string, message: string, hint: string): number => {
    printFailures("init", [{ code, message, hint }], io);
    return code === "INIT_NAME" ? EXIT_MISUSE : EXIT_FAILED;
  };
  if (name === undefined || name === "") return complain("INIT_NAME", "The project needs a name", "Write: pilotlight init NAME");
  const folder = resolve(io.cwd, name);
  try {
    makeFolder(folder);
    const present = readdirSync(folder).filter((entry) => entry !== ".git");
    if (present.length > 0)
      return complain("INIT_NOT_EMPTY", `Cannot write a project to ${folder}: it holds ${present[0]}`, "Choose another name");
    const files = projectFiles(packageName(folder), dependency(folder));
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content, { flag: "wx" });
    }
    const shown = relative(io.cwd, folder) || ".";
    const written = Object.keys(files);
    const steps = [...(shown === "." ? [] : [`cd ${quote(shown)}`]), "npm install", "npx pilotlight dev", "npx pilotlight test"];
    const text = flag("json") ? JSON.stringify({ folder, files: written, next: steps }) : report(shown, written, steps);
    io.stdout.write(`${text}\n`);
    return EXIT_OK;
  } catch (error) {
    return complain(
      "INIT_FAILED",
      `Cannot write a project to ${folder}: ${(error as Error).message}`,
      "Check the path and its permissions",
    );
  }
}

function report(folder: string, files: readonly string[], steps: readonly string[]): string {
  return [`Wrote ${folder}:`, ...files.map((file) => `  ${file}`), "", "Next:", ...steps.map((step) => `  ${step}`)].join("\n");
}

/** npm's rules for names, roughly: lower case, nothing odd. */
function packageName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+/, "");
  return name === "" ? "functions" : name.slice(0, 200);
}

/**
 * This version; but when this package came from a tarball or is a checkout,
 * the same one by its path: no registry need have it.
 */
function dependency(folder: string): string {
  if (basename(dirname(packageDir)) !== "node_modules") return localAddress(folder, packageDir);
  const tarball = installedFrom(dirname(packageDir));
  return tarball === null ? `^${version()}` : localAddress(folder, tarball);
}

function localAddress(folder: string, path: string): string {
  return `file:${relative(folder, path).split(sep).join("/")}`;
}

/** Absolute path of the tarball that npm says this package came from. */
function installedFrom(modules: string): string | null {
  try {
    const lock = JSON.parse(readFileSync(join(modules, ".package-lock.json"), "utf8")) as {
      packages: Record<string, { resolved?: string }>;
    };
    const resolved = lock.packages["node_modules/pilotlight"]?.resolved;
    return resolved?.startsWith("file:") ? resolve(dirname(modules), resolved.slice("file:".length)) : null;
  } catch {
    return null;
  }
}
