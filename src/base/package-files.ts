/**
 * Where the files of this package lie: TypeScript under src/ and guest/ in the
 * repository, a few bundles and the guest's modules under dist/ in what npm
 * publishes. Only this file knows the two layouts.
 * In a published bundle this module is part of each file of dist/, so
 * everything is found from the folder that holds package.json.
 */
import { basename, dirname, join } from "node:path";

const isSource = import.meta.filename.endsWith(".ts");

/** Folder of package.json, absolute. From src/base/ or from dist/. */
export const packageDir = isSource ? dirname(dirname(import.meta.dirname)) : dirname(import.meta.dirname);

/** Sources of what runs inside sandboxes; absolute, without a trailing slash. */
export const guestDir = isSource ? join(packageDir, "guest") : join(packageDir, "dist", "guest");

/** Client libraries of process functions: programs of others read them as they are, so they are not compiled. */
export const processClientsDir = join(packageDir, "guest", "process");

/** "prelude" -> "/…/guest/prelude.ts". */
export function guestFile(name: string): string {
  return `${guestDir}/${name}${isSource ? ".ts" : ".js"}`;
}

/** A module that is a program of its own: "serve/worker-main" -> "/…/src/serve/worker-main.ts" or "/…/dist/worker-main.cjs". */
export function programFile(name: string): string {
  return isSource ? join(packageDir, "src", `${name}.ts`) : join(packageDir, "dist", `${basename(name)}.cjs`);
}
