/**
 * What a server says when it is up: where it listens, what it serves, and how
 * to try each function. What can't be served is told by the log that follows.
 */
import { type Palette, palette } from "../base/terminal.ts";
import type { Config } from "../config/config.ts";
import { scanFolder } from "../serve/folder.ts";
import type { FunctionReport } from "../serve/operator.ts";
import type { ServerAddresses } from "../serve/server.ts";
import type { Call } from "./command.ts";
import { glanceMethods } from "./method-glance.ts";
import { curlLine, methodsOf, routeTable } from "./route-table.ts";

/** More routes would scroll away what they should show. */
const SHOWN_MAX_COUNT = 40;

export async function greet({ flag, io }: Call, config: Config, addresses: ServerAddresses, all: readonly FunctionReport[]): Promise<void> {
  const shown = await withMethods(config, all.slice(0, SHOWN_MAX_COUNT));
  const text = flag("json") ? asJson(addresses, shown, all.length) : asText(palette(io.stdout, io.env), config, addresses, shown, all);
  io.stdout.write(`${text}\n`);
}

function asJson({ url, adminUrl }: ServerAddresses, shown: readonly FunctionReport[], functionCount: number): string {
  const functions = shown.map((one) => ({
    id: one.id,
    route: one.route,
    methods: methodsOf(one),
    try: curlLine(one, url),
    failure: one.failure,
  }));
  return JSON.stringify({ listening: { url, adminUrl }, functionCount, functions });
}

function asText(
  colour: Palette,
  config: Config,
  addresses: ServerAddresses,
  shown: readonly FunctionReport[],
  all: readonly FunctionReport[],
): string {
  const { url, adminUrl } = addresses;
  const count = (amount: number, name: string) => `${amount} ${name}${amount === 1 ? "" : "s"}`;
  return [
    "",
    `${colour.bold("Pilotlight")} serves ${count(all.length, "function")} on ${colour.cyan(url)} with ${count(config.workerCount, "worker")}`,
    ...(adminUrl === null ? [] : [colour.dim(`metrics, logs and control: ${adminUrl}`)]),
    "",
    ...(shown.length > 0
      ? [routeTable(shown, url)]
      : ["No functions found. A function is a file such as hello.ts; `pilotlight init` writes some."]),
    ...(all.length > shown.length ? [`… and ${all.length - shown.length} more: pilotlight list`] : []),
    ...(config.mode === "dev" ? ["", colour.dim("Reloads on save. Ctrl-C ends it.")] : []),
    "",
  ].join("\n");
}

/** Functions that are not bundled yet get their methods from a glance at their text. */
async function withMethods({ source, dataDir }: Config, reports: readonly FunctionReport[]): Promise<FunctionReport[]> {
  const isKnown = reports.every((one) => methodsOf(one).length > 0);
  if (isKnown || source.kind === "built" || source.kind === "eval") return [...reports];
  // The folder may be gone again. The server answers already: a greeting must not end it.
  const found = await scanFolder(source, dataDir).catch(() => []);
  const files = new Map(found.map(({ id, file }) => [id, file]));
  return reports.map((one) => {
    const file = methodsOf(one).length === 0 ? files.get(one.id) : undefined;
    return file === undefined ? one : { ...one, methods: glanceMethods(one.engine, file) };
  });
}
