/** A function's source as the bundler wants it. */
import { dirname } from "node:path";
import type { Source } from "../config/config.ts";
import type { BundleSource } from "../engines/javascript/bundle.ts";
import type { FunctionSpec } from "./function-spec.ts";

/** What the bundler needs to know of a function; `dev` and `serve` ask with it. */
export function bundleSourceOf(source: Source, spec: Pick<FunctionSpec, "id" | "file">): BundleSource {
  if (source.kind === "eval") return { id: spec.id, file: "", code: source.code, sourceRoot: process.cwd() };
  const sourceRoot = source.kind === "file" ? dirname(source.path) : source.path;
  return { id: spec.id, file: spec.file, sourceRoot };
}
