/**
 * What the bundler is told: options and plugins for code that runs in the
 * sandbox. The entry's own plugin is in bundle-entry.ts, the one that reads the
 * other files in source-files.ts, the table of Node's modules in node-modules.ts. docs/decisions/0003-bundling.md has the reasons.
 */
import { join, relative } from "node:path";
import type { BuildOptions, Plugin } from "esbuild";
import { guestDir } from "../../base/package-files.ts";
import { ENTRY_SOURCE, entryCode } from "./bundle-entry.ts";
import { bareName, STAND_IN_FILTER, standInFile } from "./node-modules.ts";

export interface BundleOptions {
  /** Value of process.env.NODE_ENV. */
  readonly mode: "production" | "development";
  /** White space and syntax; names stay, for stacks. */
  readonly minify: boolean;
  /** How long a build may take. */
  readonly timeoutMs?: number;
}

export function buildOptionsFor(file: string | null, sourceRoot: string, options: BundleOptions, plugins: Plugin[]): BuildOptions {
  return {
    stdin: { contents: entryCode(file, sourceRoot), resolveDir: sourceRoot, sourcefile: ENTRY_SOURCE, loader: "js" },
    absWorkingDir: sourceRoot,
    outfile: join(sourceRoot, "bundle.js"),
    bundle: true,
    format: "esm",
    // V8 is Node's own, so everything but decorators is there.
    target: "esnext",
    supported: { decorators: false },
    // Packages say in "browser" what they do without Node; the conditions are those of other fetch-style servers.
    platform: "browser",
    mainFields: ["browser", "module", "main"],
    conditions: ["workerd", "worker", "browser", "module"],
    define: {
      "process.env.NODE_ENV": JSON.stringify(options.mode),
      global: "globalThis",
      // A classic script has no import.meta.
      "import.meta.url": JSON.stringify("file:///function.js"),
      "import.meta.main": "false",
      "import.meta.env": "undefined",
      "import.meta": "{}",
    },
    inject: [GLOBALS],
    jsx: "transform",
    jsxFactory: "h",
    jsxFragment: "Fragment",
    loader: { ".html": "text", ".sql": "text", ".css": "text", ".md": "text", ".svg": "text", ".wasm": "binary", ".bin": "binary" },
    minifyWhitespace: options.minify,
    minifySyntax: options.minify,
    legalComments: "none",
    charset: "utf8",
    sourcemap: "external",
    sourcesContent: true,
    logLevel: "silent",
    plugins,
  };
}

/** Bare `Buffer` and `process` of npm code; not part of bundles that name neither. */
const GLOBALS = "pilotlight-globals";
const GLOBALS_CODE = 'export { Buffer } from "node:buffer";\nexport { default as process } from "node:process";\n';

/** `require("events")` is the class itself, as `import events` is: the module's default. */
const REQUIRED = "pilotlight-required";

function requiredCode(name: string): string {
  const path = `./${relative(guestDir, standInFile(name))}`;
  return `const module_ = require(${JSON.stringify(path)});\nmodule.exports = module_.default ?? module_;\n`;
}

export function standIns(imported: Set<string>): Plugin {
  return {
    name: "pilotlight-node-modules",
    setup(build) {
      build.onResolve({ filter: STAND_IN_FILTER }, ({ path, kind }) => {
        imported.add(bareName(path));
        if (kind === "require-call") return { path: bareName(path), namespace: REQUIRED };
        return { path: standInFile(path), sideEffects: false };
      });
      build.onLoad({ filter: /./, namespace: REQUIRED }, ({ path }) => ({
        contents: requiredCode(path),
        loader: "js",
        resolveDir: guestDir,
      }));
      build.onResolve({ filter: new RegExp(`^${GLOBALS}$`) }, () => ({ path: GLOBALS, namespace: GLOBALS, sideEffects: false }));
      build.onLoad({ filter: /./, namespace: GLOBALS }, () => ({ contents: GLOBALS_CODE, loader: "js" }));
    },
  };
}

/** esbuild would leave such imports in the script, where they are a syntax error. */
export function refuseNetwork(): Plugin {
  return {
    name: "pilotlight-network",
    setup(build) {
      build.onResolve({ filter: /^(?:https?:)?\/\// }, ({ path }) => ({ errors: [{ text: `Could not resolve ${JSON.stringify(path)}` }] }));
    },
  };
}
