/**
 * Static paths: from a request path to a file inside the root, or to nothing.
 * Every spelling of an escape (dots, encoded dots and slashes, backslashes,
 * NUL, links that lead out) and every dotfile is "no such file": the client
 * must not learn what lies beside the root.
 */
import { realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";

/** Segments below the root; null when this can't name a file of ours. "a/" becomes a/index.html. */
export function staticSegments(encodedPath: string): readonly string[] | null {
  // An encoded slash would become a separator after decoding, behind the checks of whoever looked before us.
  if (/%2f|%5c|%00/i.test(encodedPath)) return null;
  let path: string;
  try {
    path = decodeURIComponent(encodedPath);
  } catch {
    return null;
  }
  const segments = path.split("/");
  if (segments.at(-1) === "") segments[segments.length - 1] = "index.html";
  return segments.every(isPlainSegment) ? segments : null;
}

function isPlainSegment(segment: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return segment !== "" && !segment.startsWith(".") && !/[\\\x00-\x1f\x7f]/.test(segment);
}

/** The file behind the name with every link followed; null when there is none or it lies outside. `root` is a real path. */
export async function resolveInside(root: string, segments: readonly string[]): Promise<string | null> {
  try {
    const file = await realpath(join(root, ...segments));
    const inside = relative(root, file);
    if (inside === "") return file;
    return inside.split(sep).every(isPlainSegment) ? file : null;
  } catch {
    return null;
  }
}
