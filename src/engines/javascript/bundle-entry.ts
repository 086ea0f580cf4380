/**
 * The entry of a bundle: one script that imports the function's module and
 * hands its exports to the guest. Also decides, before bundling, which handler
 * forms a file has; the guest decides again on the values (guest/handler.ts).
 * Must not run any of the function's code.
 */
import { relative } from "node:path";
import type { Loader, Plugin } from "esbuild";
import { HTTP_METHODS } from "../../base/http-methods.ts";
import { type Failure, fail, ok, type Result } from "../../base/result.ts";

type Esbuild = typeof import("esbuild");

/** Name of the generated entry in source maps; frames in it are ours and are dropped. */
export const ENTRY_SOURCE = "pilotlight-entry";
/** Import specifier and namespace of code that has no file (-e). */
const EVAL = "pilotlight-eval";

/** Source of the generated entry. The path is relative, because it travels with every source map. */
export function entryCode(file: string | null, sourceRoot: string): string {
  const specifier = file === null ? EVAL : `./${relative(sourceRoot, file)}`;
  return `import * as functionModule from ${JSON.stringify(specifier)};\nglobalThis.__pilotlight_install(functionModule);\n`;
}

const HANDLER_FORMS =
  "export default { fetch(request, env, ctx) }, export default function (request), export function GET/POST/…(request), or a top-level function handler(request)";

/** What a file offers, read from its syntax alone. */
export interface EntryShape {
  /** Exports named after an HTTP method; null when a default export or handler takes every method. */
  readonly methods: readonly string[] | null;
  /** zigttp's global form: `handler` is declared at the top and nothing is exported. */
  readonly exportsHandler: boolean;
}

/** Appended to a zigttp script. On a line of its own: the last line may be a comment. */
export const EXPORT_HANDLER = "\nexport { handler };\n";

/**
 * Reads the shape by printing the file alone, without its comments and types:
 * what is exported then is exported for certain. Syntax errors are left to the
 * bundler, whose messages carry the position.
 */
export async function readShape(esbuild: Esbuild, code: string, loader: Loader, describe: string): Promise<Result<EntryShape>> {
  const printed = await exportsOf(esbuild, code, loader);
  if (printed === null) return ok({ methods: null, exportsHandler: false });
  // What a module re-exports by star is known only to the guest, which finds the methods itself.
  if (/^export \* from /m.test(printed.code)) return ok({ methods: null, exportsHandler: false });
  if (printed.names.length > 0) return shapeOf(printed.names, describe);
  if (/\bmodule\.exports\b|\bexports\.\w+ =|\bexports\[/.test(printed.code)) return ok({ methods: null, exportsHandler: false });
  // A name that the module does not declare is refused in JavaScript and dropped, as a type, in TypeScript.
  const withHandler = await exportsOf(esbuild, code + EXPORT_HANDLER, loader);
  if (withHandler?.names.includes("handler")) return ok({ methods: null, exportsHandler: true });
  return fail(noHandler(describe, "it exports nothing and declares no handler"));
}

function shapeOf(names: readonly string[], describe: string): Result<EntryShape> {
  if (names.includes("default") || names.includes("handler")) return ok({ methods: null, exportsHandler: false });
  const methods = names.filter((name) => HTTP_METHODS.has(name)).sort();
  if (methods.length > 0) return ok({ methods, exportsHandler: false });
  return fail(noHandler(describe, `it exports only ${names.slice(0, 8).join(", ")}`));
}

function noHandler(describe: string, why: string): Failure {
  return {
    code: "NO_HANDLER",
    message: `Cannot serve ${describe}: ${why}`,
    hint: `Use one of: ${HANDLER_FORMS}. A file that is only a module gets a name that begins with _`,
    at: { file: describe },
  };
}

async function exportsOf(esbuild: Esbuild, code: string, loader: Loader): Promise<{ names: string[]; code: string } | null> {
  try {
    const result = await esbuild.build({
      stdin: { contents: code, loader },
      format: "esm",
      bundle: false,
      write: false,
      metafile: true,
      outfile: "shape.js",
      jsx: "preserve",
      legalComments: "none",
      logLevel: "silent",
      tsconfigRaw: {},
    });
    return { names: Object.values(result.metafile.outputs)[0]?.exports ?? [], code: result.outputFiles[0]!.text };
  } catch {
    return null;
  }
}

/** esbuild's loader for a function file, by extension. */
export function loaderOf(file: string): Loader {
  const extension = /\.[cm]?([jt]sx?)$/.exec(file)?.[1];
  return (extension ?? "tsx") as Loader;
}

/** Hands the entry's (possibly extended) text to the bundler in place of the file's own. */
export function entryPlugin(entry: { file: string | null; code: string; resolveDir: string; displayName: string }): Plugin {
  return {
    name: "pilotlight-entry",
    setup(build) {
      const { file, code, resolveDir, displayName } = entry;
      if (file === null) {
        build.onResolve({ filter: exactly(EVAL) }, () => ({ path: displayName, namespace: EVAL }));
        build.onLoad({ filter: /./, namespace: EVAL }, () => ({ contents: code, loader: "tsx", resolveDir }));
        return;
      }
      // Found by the bundler itself: a file that a plugin resolves gets no tsconfig.json.
      build.onLoad({ filter: exactly(file), namespace: "file" }, () => ({ contents: code, loader: loaderOf(file) }));
    },
  };
}

function exactly(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&")}$`);
}
