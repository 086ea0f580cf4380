/**
 * Source files as the bundler gets them: read here, within the bounds, and
 * never by the bundler itself, which follows every path it is shown.
 * The entry has a plugin of its own (bundle-entry.ts).
 */
import type { Plugin } from "esbuild";
import type { Bounds } from "./bundle-bounds.ts";

/** How a refusal is told from the bundler's own errors. */
export const SOURCE_FILES = "pilotlight-source-files";

export function sourceFiles(bounds: Bounds): Plugin {
  return {
    name: SOURCE_FILES,
    setup(build) {
      build.onLoad({ filter: /./, namespace: "file" }, ({ path, with: attributes }) => {
        const read = bounds.read(path);
        if (!read.ok) return { errors: [{ text: `${path} can't be part of a function: ${read.failure}` }] };
        const isCode = /\.[cm]?[jt]sx?$/.test(path) && attributes["type"] === undefined;
        return { contents: isCode ? prepareCode(path, read.value.toString("utf8")) : read.value, loader: "default" };
      });
    },
  };
}

/** What happens to every file of code, the entry included. Moves no line. */
export function prepareCode(path: string, code: string): string {
  const text = withoutSourceMap(code);
  return /\.[jt]sx$/.test(path) && !path.includes("/node_modules/") ? automaticJsx(text) : text;
}

/**
 * The bundler would read the source map that a comment names, and each source
 * that the map names, wherever they lie. In a text the escape means the same.
 */
function withoutSourceMap(code: string): string {
  return code.replaceAll(/(\/[/*][#@] sourceMappingURL)=/g, "$1\\u003d");
}

/**
 * TypeScript takes a @jsxImportSource comment as "use the automatic runtime";
 * esbuild wants to be told. The comment goes at the end, where it moves no line.
 */
function automaticJsx(code: string): string {
  return code.includes("@jsxImportSource") && !code.includes("@jsxRuntime") ? `${code}\n/** @jsxRuntime automatic */\n` : code;
}
