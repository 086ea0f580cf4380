/**
 * Build failures in words: esbuild's messages become Failures with a code, the
 * place in the developer's source and what to do. Pure, but for the chain of
 * imports, which the caller looks up only when a package is to blame.
 */
import type { Message, Metafile } from "esbuild";
import type { Failure } from "../../base/result.ts";
import { isMissingNodeModule, listStandIns } from "./node-modules.ts";
import { SOURCE_FILES } from "./source-files.ts";

const UNRESOLVED = /^Could not resolve "(.*)"$/s;
const EXCERPT_WIDTH = 100;
/** More would scroll away the first, which the others often follow from. */
const ERRORS_SHOWN_MAX_COUNT = 10;

/** Specifiers that a failed build could not find. */
export function unresolvedSpecifiers(errors: readonly Message[]): string[] {
  return [...new Set(errors.flatMap((error) => UNRESOLVED.exec(error.text)?.[1] ?? []))];
}

/**
 * One failure for a failed build: the first error's code and place, and every
 * error in words. Several stand one below the other, each with its own hint.
 * `chain` leads from the function's file to the file at fault, both included.
 */
export function describeBuildErrors(displayName: string, errors: readonly Message[], chain: readonly string[]): Failure {
  const [first, ...others] = errors.slice(0, ERRORS_SHOWN_MAX_COUNT).map((error) => describeError(displayName, error, chain));
  if (first === undefined) return { code: "BUNDLE_FAILED", message: `Cannot bundle ${displayName}: the bundler gave no reason` };
  const whole = { ...first, message: `Cannot bundle ${displayName}: ${first.message}` };
  if (others.length === 0) return whole;
  const { code, at } = first;
  const more = errors.length - 1 - others.length;
  const blocks = [withHint(whole), ...others.map((other) => `Also: ${withHint(other)}`)];
  if (more > 0) blocks.push(`(and ${more} more ${more === 1 ? "error" : "errors"})`);
  return { code, message: blocks.join("\n"), ...(at === undefined ? {} : { at }) };
}

function withHint({ message, hint }: Failure): string {
  return hint === undefined ? message : `${message}\n  ${hint}`;
}

/** Its message lacks what could not be bundled: that is said once for all errors. */
function describeError(displayName: string, error: Message, chain: readonly string[]): Failure {
  const { location } = error;
  const at =
    location === null || location.namespace === "pilotlight-globals"
      ? { file: displayName }
      : { file: plainName(location.file), line: location.line, column: characterColumn(location.lineText, location.column) + 1 };
  const where = "line" in at ? `${at.file}:${at.line}:${at.column}` : at.file;
  const shown =
    location === null ? "" : `\n${excerptLine(location.lineText, location.line, characterColumn(location.lineText, location.column))}`;

  const specifier = UNRESOLVED.exec(error.text)?.[1];
  if (specifier === undefined) {
    const code = codeOf(error);
    return { code, message: `${error.text} (${where})${shown}`, ...hintOf(code), at };
  }
  const isAtItsEnd = chain.length > 1 && chain.at(-1) === location?.file;
  const importedBy = isAtItsEnd ? `${where}, reached by ${chain.join(" -> ")}` : where;
  if (isMissingNodeModule(specifier)) {
    return {
      code: "NODE_MODULE_UNAVAILABLE",
      message: `the Node module ${specifier} does not exist in the sandbox; it is imported by ${importedBy}${shown}`,
      hint: `Available are ${listStandIns()}. Use web APIs (fetch, crypto, streams) instead, or a package that also works in browsers`,
      at,
    };
  }
  return {
    code: "IMPORT_UNRESOLVED",
    message: `cannot find ${JSON.stringify(specifier)}, imported by ${importedBy}${shown}`,
    hint: resolveHint(specifier),
    at,
  };
}

function codeOf(error: Message): string {
  if (error.pluginName === SOURCE_FILES) return "IMPORT_REFUSED";
  if (error.text.startsWith("No matching export in ")) return "IMPORT_UNRESOLVED";
  if (error.text.startsWith("No loader is configured for ")) return "IMPORT_UNSUPPORTED";
  return error.location === null ? "BUNDLE_FAILED" : "SYNTAX_ERROR";
}

function hintOf(code: string): { hint?: string } {
  if (code === "IMPORT_UNRESOLVED") return { hint: "Correct the name, or export it from that file" };
  if (code === "IMPORT_REFUSED")
    return { hint: "Import files of the project (the folder of pilotlight.yaml or package.json) and installed packages only" };
  if (code === "IMPORT_UNSUPPORTED")
    return {
      hint: "Import code, .json, .txt, .html, .css, .sql, .md, .svg (text), .wasm or .bin (bytes); serve other files with --static",
    };
  return {};
}

function resolveHint(specifier: string): string {
  if (/^https?:/.test(specifier)) return "Modules are not loaded from the network: install the package with npm and import it by name";
  if (/^[./]/.test(specifier)) return "Check the path: it is relative to the importing file";
  const name = specifier.startsWith("@") ? specifier.split("/").slice(0, 2).join("/") : specifier.split("/")[0]!;
  return `Run npm install ${name} in the project folder, or correct the name`;
}

/** The line with a caret below; clipped, because a minified file is one line of a megabyte. */
function excerptLine(lineText: string, line: number, column: number): string {
  const start = column > EXCERPT_WIDTH - 20 ? column - EXCERPT_WIDTH / 2 : 0;
  const clipped = lineText.slice(start, start + EXCERPT_WIDTH).replaceAll("\t", " ");
  const margin = `  ${line} | `;
  return `${margin}${clipped}\n${" ".repeat(margin.length - 2)}| ${" ".repeat(column - start)}^`;
}

/** esbuild counts bytes; editors count characters. */
function characterColumn(lineText: string, byteColumn: number): number {
  return Buffer.from(lineText).subarray(0, byteColumn).toString().length;
}

/** "pilotlight-eval:main" -> "main". */
function plainName(file: string): string {
  return file.replace(/^pilotlight-[a-z]+:/, "");
}

/** Shortest way through the imports from one input to another; empty when there is none. */
export function importChain(inputs: Metafile["inputs"], from: string, to: string): string[] {
  const cameFrom = new Map<string, string | null>([[from, null]]);
  for (const file of cameFrom.keys()) {
    if (file === to) break;
    for (const { path } of inputs[file]?.imports ?? []) {
      if (!cameFrom.has(path) && path in inputs) cameFrom.set(path, file);
    }
  }
  const chain: string[] = [];
  for (let file: string | null | undefined = cameFrom.has(to) ? to : null; file != null; file = cameFrom.get(file)) chain.unshift(file);
  return chain;
}
