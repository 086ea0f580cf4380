/**
 * The routes as people see them: one line per function, and one that can be
 * pasted into a shell to call it.
 */
import { table } from "../base/table.ts";

/** What FunctionSpec and FunctionReport have in common. */
export interface Routed {
  readonly id: string;
  readonly route: string;
  readonly methods: readonly string[] | null;
  /** Of its own, where every path is its. */
  readonly port?: number | null;
  readonly bundle?: { readonly methods: readonly string[] | null } | null;
}

/** What stands for a part of the path that anything may fill. */
const SAMPLES: Readonly<Record<string, string>> = { id: "1", name: "world" };

export function routeTable(functions: readonly Routed[], origin: string): string {
  const rows = functions.map((spec) => [methodsOf(spec).join(",") || "any", spec.route, spec.id, curlLine(spec, origin)]);
  return table([{ title: "METHODS" }, { title: "ROUTE" }, { title: "FUNCTION" }, { title: "TRY" }], rows);
}

/** Known from the settings or from its bundle; empty while unknown or when it takes all. */
export function methodsOf(spec: Routed): readonly string[] {
  return spec.methods ?? spec.bundle?.methods ?? [];
}

export function curlLine(spec: Routed, origin: string): string {
  const methods = methodsOf(spec);
  const method = methods.length === 0 || methods.includes("GET") ? "GET" : methods[0]!;
  const flags = method === "GET" ? "" : method === "POST" ? "-d '{}' " : `-X ${method} `;
  const insecure = origin.startsWith("https:") ? "-k " : "";
  return `curl ${insecure}${flags}${quote(addressOf(spec, origin))}`;
}

/** Its own port is the shorter way, and the one that was asked for. */
function addressOf({ port = null, route }: Routed, origin: string): string {
  return port === null ? origin + samplePath(route) : `${origin.replace(/:\d+$/, "")}:${port}/`;
}

/** "/users/:id/files/*" -> "/users/1/files/a/b". */
export function samplePath(route: string): string {
  return route
    .replace(/:([A-Za-z_][\w]*)/g, (_, name: string) => (Object.hasOwn(SAMPLES, name) ? SAMPLES[name]! : name))
    .replace(/\*.*$/, route === "/*" ? "" : "a/b");
}

/** For a shell: only what could mean something to it needs quotes. */
export function quote(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
