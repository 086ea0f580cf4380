/**
 * Documented examples: a code block fenced as ts, tsx, js or jsx whose first
 * line is `// file: NAME` is a whole file, and must parse. Running them is the
 * tests' business; this keeps a page from drifting into pseudo-code. The pages
 * of settings must say what the code says (configuration-tables.ts).
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { checkConfigurationPages } from "./configuration-tables.ts";

export interface Example {
  /** Line of its first line in the page, from 1. */
  readonly line: number;
  readonly name: string;
  readonly loader: "ts" | "tsx" | "js" | "jsx";
  readonly code: string;
}

const FENCE = /^```(tsx?|jsx?)[ \t]*\n([\s\S]*?)^```[ \t]*$/gm;

export function checkDocs(root: string): string[] {
  const pages = globSync(["*.md", "docs/**/*.md"], { cwd: root }).sort();
  const examples = pages.flatMap((page) => {
    return examplesOf(readFileSync(join(root, page), "utf8")).flatMap((example) => {
      const problem = parseProblem(example);
      return problem === null ? [] : [`${page}:${example.line + problem.line}: ${example.name}: ${problem.text}`];
    });
  });
  return [...examples, ...checkConfigurationPages(root)];
}

export function examplesOf(markdown: string): Example[] {
  return [...markdown.matchAll(FENCE)].flatMap((match) => {
    const code = match[2]!;
    const name = /^\/\/ file: (\S+)/.exec(code)?.[1];
    if (name === undefined) return [];
    const line = markdown.slice(0, match.index).split("\n").length;
    return [{ line, name, loader: match[1] as Example["loader"], code }];
  });
}

export function parseProblem(example: Example): { line: number; text: string } | null {
  try {
    transformSync(example.code, { loader: example.loader, logLevel: "silent" });
    return null;
  } catch (error) {
    const [first] = (error as { errors?: { text: string; location: { line: number } | null }[] }).errors ?? [];
    return { line: first?.location?.line ?? 0, text: first?.text ?? (error as Error).message };
  }
}
