/**
 * pilotlight.yaml: text to a Tree that knows its lines. Loaded only when the
 * file exists: the YAML parser would cost a boot without one 20 ms.
 * Aliases are bounded, so that a few lines can't expand to gigabytes.
 */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { isMap, LineCounter, type Node, type Pair, parseDocument } from "yaml";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { Tree } from "./keys.ts";

const FILE_MAX_BYTES = 1024 * 1024;
const ALIAS_MAX_COUNT = 100;

export async function loadYaml(file: string): Promise<Result<Tree, readonly Failure[]>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : (error as Error).message;
    return fail([{ code: "CONFIG_FILE_UNREADABLE", message: `Cannot read ${file}: ${reason}`, hint: "Check the path given to --config" }]);
  }
  if (text.length > FILE_MAX_BYTES) {
    return fail([
      {
        code: "CONFIG_FILE_UNREADABLE",
        message: `Cannot read ${file}: it is larger than 1 MiB`,
        hint: "A configuration is a few lines; is this the right file?",
      },
    ]);
  }
  return parseYaml(text, file);
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

/** Where the last key of the path stands in the text. */
function keyOffset(node: unknown, path: readonly string[]): number | null {
  let offset: number | null = null;
  for (const name of path) {
    if (!isMap(node)) return offset;
    const pair = node.items.find((item: Pair<unknown, unknown>) => String((item.key as { value?: unknown })?.value ?? item.key) === name);
    if (pair === undefined) return offset;
    offset = (pair.key as Node).range?.[0] ?? offset;
    node = pair.value;
  }
  return offset;
}
