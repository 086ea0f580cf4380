/**
 * pilotlight.yaml: text to a Tree that knows its lines. Loaded only when the
 * file exists: the YAML parser would cost a boot without one 20 ms.
 * Aliases are bounded, so that a few lines can't expand to gigabytes, and may
 * not stand inside what they mean: nobody behind this file expects a cycle.
 */
import { dirname } from "node:path";
import { type Document, isMap, isSeq, LineCounter, type Node, type Pair, parseDocument, visit } from "yaml";
import { readRegularFile } from "../base/regular-file.ts";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { Tree } from "./keys.ts";

const FILE_MAX_BYTES = 1024 * 1024;
const ALIAS_MAX_COUNT = 100;

export async function loadYaml(file: string): Promise<Result<Tree, readonly Failure[]>> {
  const read = readRegularFile(file, FILE_MAX_BYTES);
  if (read.ok) return parseYaml(read.value.toString("utf8"), file);
  const hint = "Check the path given to --config; a configuration is a text file of some lines";
  return fail([{ code: "CONFIG_FILE_UNREADABLE", message: `Cannot read ${file}: ${read.failure}`, hint }]);
}

export function parseYaml(text: string, file: string): Result<Tree, readonly Failure[]> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true, uniqueKeys: true });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const failures: Failure[] = document.errors.map((error) => ({
    code: "CONFIG_YAML_SYNTAX",
    message: `Cannot parse ${file}: ${error.message}`,
    hint: "Mend the YAML; indentation is by blanks, not tabs",
    at: place(error.pos[0]),
  }));
  for (const { name, offset } of cyclicAliases(document)) {
    failures.push({
      code: "CONFIG_YAML_SYNTAX",
      message: `Cannot parse ${file}: the alias *${name} stands inside its own anchor`,
      hint: "Write the values out instead of the alias",
      at: place(offset),
    });
  }
  if (failures.length > 0) return fail(failures);

  let root: unknown;
  try {
    root = document.toJS({ maxAliasCount: ALIAS_MAX_COUNT });
  } catch (error) {
    return fail([
      {
        code: "CONFIG_YAML_SYNTAX",
        message: `Cannot parse ${file}: ${(error as Error).message}`,
        hint: "Write the values out instead of aliases",
        at: { file },
      },
    ]);
  }
  const at: Tree["at"] = (path) => {
    const offset = keyOffset(document.contents, path);
    return offset === null ? { file } : place(offset);
  };
  return ok({ root, baseDir: dirname(file), at });
}

/** Aliases mean what stands before them, so a cycle always has one within its own anchor. */
function cyclicAliases(document: Document.Parsed): { name: string; offset: number }[] {
  const found: { name: string; offset: number }[] = [];
  visit(document, {
    Alias(_, alias, parents) {
      const target = alias.resolve(document);
      if (target !== undefined && parents.includes(target)) found.push({ name: alias.source, offset: alias.range?.[0] ?? 0 });
    },
  });
  return found;
}

/** Where the last key, or entry of a list, of the path stands in the text. */
function keyOffset(node: unknown, path: readonly string[]): number | null {
  let offset: number | null = null;
  for (const name of path) {
    if (isSeq(node)) {
      const item = node.items[Number(name)] as Node | undefined;
      offset = item?.range?.[0] ?? offset;
      node = item;
      continue;
    }
    if (!isMap(node)) return offset;
    const pair = node.items.find((item: Pair<unknown, unknown>) => String((item.key as { value?: unknown })?.value ?? item.key) === name);
    if (pair === undefined) return offset;
    offset = (pair.key as Node).range?.[0] ?? offset;
    node = pair.value;
  }
  return offset;
}
