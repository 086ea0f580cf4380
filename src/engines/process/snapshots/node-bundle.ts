/**
 * Node bundle: a function for Node and everything that it imports as one CommonJS
 * script, which is what a startup snapshot is built of. What can't be
 * bundled without changing what it does is a fault, not a warning: modules that are
 * compiled, the place of a file (import.meta), awaiting at top level.
 */
import { dirname, join, resolve } from "node:path";
import { processClientsDir } from "../../../base/package-files.ts";
import { fail, ok, type Result } from "../../../base/result.ts";
import { withEsbuild } from "../../javascript/esbuild.ts";

/** Files that it was made of. The fault is a phrase. */
export async function bundleForNode(script: string, outFile: string, signal: AbortSignal): Promise<Result<string[], string>> {
  const folder = dirname(script);
  try {
    const { metafile, warnings } = await withEsbuild(
      ({ build }) =>
        build({
          entryPoints: [script],
          outfile: outFile,
          absWorkingDir: folder,
          bundle: true,
          platform: "node",
          format: "cjs",
          target: "esnext",
          loader: { "": "js" },
          alias: { "pilotlight/process": join(processClientsDir, "pilotlight.mjs") },
          // What a package asks for its place is told that of the function; most that then miss a file do so while the snapshot is built.
          define: { __dirname: JSON.stringify(folder), __filename: JSON.stringify(script) },
          metafile: true,
          logLevel: "silent",
        }),
      signal,
    );
    const unfit = warnings.find(({ id }) => id === "empty-import-meta");
    if (unfit !== undefined) return fail(`it uses import.meta (${placeOf(unfit)}), which a snapshot does not have`);
    return ok(Object.keys(metafile.inputs).map((input) => resolve(folder, input)));
  } catch (error) {
    const [first] = (error as { errors?: readonly Message[] }).errors ?? [];
    return fail(first === undefined ? (error as Error).message : `${first.text} (${placeOf(first)})`);
  }
}

interface Message {
  readonly text: string;
  readonly location: { readonly file: string; readonly line: number } | null;
}

function placeOf({ location }: Pick<Message, "location">): string {
  return location === null ? "somewhere" : `${location.file}:${location.line}`;
}
