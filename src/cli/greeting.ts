/**
 * What a server says when it is up: where it listens, what it serves, how to
 * try each function, and which functions it could not deploy.
 */
import { readFileSync } from "node:fs";
import { type Palette, palette } from "../base/terminal.ts";
import type { Config } from "../config/config.ts";
import type { FunctionSpec } from "../serve/function-spec.ts";
import { type Call, describeFailure } from "./command.ts";
import { curlLine, methodsOf, routeTable } from "./route-table.ts";

/** More routes scroll away what they should show. */
const SHOWN_MAX_COUNT = 40;

export function greet({ flag, io }: Call, config: Config, url: string, adminUrl: string | null, functions: readonly FunctionSpec[]): void {
  const shown = functions.slice(0, SHOWN_MAX_COUNT).map(withMethods);
  const text = flag("json")
    ? asJson(url, adminUrl, shown, functions)
    : asText(palette(io.stdout, io.env), config, url, adminUrl, shown, functions);
  io.stdout.write(`${text}\n`);
}

function asJson(url: string, adminUrl: string | null, shown: readonly FunctionSpec[], all: readonly FunctionSpec[]): string {
  const functions = shown.map((spec) => ({
    id: spec.id,
    route: spec.route,
    methods: methodsOf(spec),
    try: curlLine(spec, url),
    failure: spec.failure,
  }));
  return JSON.stringify({ listening: { url, adminUrl }, functionCount: all.length, functions });
}

function asText(
  colour: Palette,
  config: Config,
  url: string,
  adminUrl: string | null,
  shown: readonly FunctionSpec[],
  all: readonly FunctionSpec[],
): string {
  const failed = all.filter((spec) => spec.failure !== null);
  const workers = `${config.workerCount} worker${config.workerCount === 1 ? "" : "s"}`;
  return [
    "",
    `${colour.bold("Pilotlight")} serves ${all.length} function${all.length === 1 ? "" : "s"} on ${colour.cyan(url)} with ${workers}`,
    ...(adminUrl === null ? [] : [colour.dim(`metrics and control: ${adminUrl}/metrics`)]),
    "",
    ...(shown.length > 0 ? [routeTable(shown, url)] : ["No functions found. A function is a file such as hello.ts; see pilotlight init."]),
    ...(all.length > shown.length ? [`… and ${all.length - shown.length} more: pilotlight list`] : []),
    ...failed.map((spec) => `${colour.yellow("warning")}  ${describeFailure(spec.failure!)}`),
    "",
  ].join("\n");
}

/**
 * Methods of a function that is not bundled yet, from a glance at its text:
 * good enough to suggest a call by, and a hundred times cheaper than bundling.
 */
function withMethods(spec: FunctionSpec): FunctionSpec {
  if (methodsOf(spec).length > 0 || spec.bundle !== null || spec.engine !== "javascript" || spec.file === "") return spec;
  try {
    const text = readFileSync(spec.file, "utf8");
    const names = [...text.matchAll(/^export (?:async )?(?:function|const) ([A-Z]+)\b/gm)].map((match) => match[1]!);
    return names.length === 0 || /^export default\b/m.test(text) ? spec : { ...spec, methods: names };
  } catch {
    return spec;
  }
}
