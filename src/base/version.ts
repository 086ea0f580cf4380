/** The version of this package, read from its package.json; the same file in the repository and when published. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageDir } from "./package-files.ts";

export function version(): string {
  const manifest = readFileSync(join(packageDir, "package.json"), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
