/**
 * The servers that are compared, all doing the same: GET /api/health answers
 * {"status":"ok","runtime":NAME,"timestamp":0} as JSON.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BURN } from "./burn.ts";
import type { Subject } from "./lab.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const WORKERD_VERSION = "1.20261117.1";
const HEALTH = { path: "/api/health", expect: '"status":"ok"' };

const work = mkdtempSync(join(tmpdir(), "pilotlight-bench-"));
process.once("exit", () => rmSync(work, { recursive: true, force: true }));

/** A folder of this run, gone with the process. */
export function workFolder(name: string): string {
  const folder = join(work, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** A file of this run, gone with the process. */
export function workFile(name: string, text: string | Uint8Array): string {
  const file = join(work, name);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** `burnLoops` makes every request dearer by so many turns of a loop. */
export function nodeHttp({ name = "node:http, bare", burnLoops = 0 } = {}): Subject {
  const file = workFile(
    `node-http-${burnLoops}.mjs`,
    `import { createServer } from "node:http";
${burnLoops > 0 ? BURN : ""}
createServer((request, response) => {
  ${burnLoops > 0 ? `burn(${burnLoops});` : ""}
  const body = JSON.stringify({ status: "ok", runtime: "node", timestamp: 0 });
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}).listen(Number(process.argv[2]), "127.0.0.1");
`,
  );
  return { name, ...HEALTH, command: (port) => [process.execPath, file, String(port)] };
}

/** Two bare servers on one port, as two workers are: what sharing a core costs by itself. */
export function nodeHttpPair(): Subject {
  const file = workFile(
    "node-http-pair.mjs",
    `import { fork } from "node:child_process";
import { createServer } from "node:http";
const port = Number(process.argv[2]);
if (process.argv[3] !== "child") {
  const children = [fork(process.argv[1], [port, "child"]), fork(process.argv[1], [port, "child"])];
  process.on("SIGTERM", () => { for (const child of children) child.kill(); process.exit(0); });
} else {
  createServer((request, response) => {
    const body = JSON.stringify({ status: "ok", runtime: "node", timestamp: 0 });
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
    response.end(body);
  }).listen({ port, host: "127.0.0.1", reusePort: true });
}
`,
  );
  return { name: "node:http, bare, two processes", ...HEALTH, processCount: 2, command: (port) => [process.execPath, file, String(port)] };
}

/** The command as npm publishes it, which is what people run; made once. */
let command: string | null = null;

/** For tests: the repository's sources. Making the package would take dist/ from under the tests that run beside. */
export function useSources(): void {
  command = join(ROOT, "bin/pilotlight.js");
}

export function pilotlightCommand(): string {
  if (command !== null) return command;
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, "scripts/package.ts")], { encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot make the package: ${stderr}`);
  const folder = join(work, "package");
  for (const part of ["bin", "dist", "guest/process", "package.json"]) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  command = join(folder, "bin/pilotlight.js");
  return command;
}

export type HandlerForm = "sync" | "async";

/** A folder with the health function in one of its forms. */
export function healthFolder(form: HandlerForm): string {
  const fetch = form === "async" ? "async fetch(request, env, ctx)" : "fetch(request, env, ctx)";
  const source = `export default { ${fetch} { return Response.json({ status: "ok", runtime: "pilotlight", timestamp: 0 }); } };\n`;
  workFile(`${form}/api/health.js`, source);
  return join(work, form);
}

export interface PilotlightOptions {
  readonly folder: string;
  readonly name: string;
  readonly path?: string;
  readonly expect?: string;
  readonly data?: string;
  readonly workerCount?: number;
  readonly flags?: readonly string[];
}

function dataDirOf({ name }: PilotlightOptions): string {
  return join(work, `data-${name.replaceAll(/\W+/g, "-")}`);
}

export function pilotlight(options: PilotlightOptions): Subject {
  const { folder, name, workerCount = 1, flags = [] } = options;
  const dataDir = dataDirOf(options);
  return {
    name,
    path: options.path ?? HEALTH.path,
    expect: options.expect ?? HEALTH.expect,
    ...(options.data === undefined ? {} : { data: options.data }),
    processCount: workerCount,
    command: (port) => [
      process.execPath,
      pilotlightCommand(),
      ...["serve", folder, "-p", String(port), "-w", String(workerCount), "-q", "--admin", "127.0.0.1:0", "--data-dir", dataDir],
      ...flags,
    ],
  };
}

/**
 * With what `serve` would otherwise build and prepare of modules beside its
 * first requests: there from the start. And how its first function's requests begin.
 */
export function prepared(options: PilotlightOptions): { readonly subject: Subject; readonly startMode: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [pilotlightCommand(), "validate", options.folder, "--json", "--data-dir", dataDirOf(options)],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`pilotlight validate failed: ${stderr}`);
  const { functions } = JSON.parse(stdout) as { functions: { start: { mode: string } | null }[] };
  const folder = built(options.folder, dataDirOf(options));
  return { subject: pilotlight({ ...options, folder }), startMode: functions[0]?.start?.mode ?? "none" };
}

/** `pilotlight build` of a folder; what `serve` then starts without work. */
export function built(folder: string, dataDir = join(work, "data-build")): string {
  const out = `${folder}-built`;
  const { status, stderr } = spawnSync(process.execPath, [pilotlightCommand(), "build", folder, "-o", out, "--data-dir", dataDir], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`pilotlight build failed: ${stderr}`);
  return out;
}

/** workerd from npm, installed once beside the repository's own packages; null with the reason when that fails. */
export function workerd(): Subject | { readonly unavailable: string } {
  const folder = join(ROOT, ".cache/peers");
  const binary = join(folder, "node_modules/workerd/bin/workerd");
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    const { status, stderr } = spawnSync(
      "npm",
      ["install", "--prefix", folder, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", `workerd@${WORKERD_VERSION}`],
      { encoding: "utf8" },
    );
    if (status !== 0) return { unavailable: `workerd ${WORKERD_VERSION} can't be installed: ${stderr.trim().split("\n")[0]}` };
  }
  workFile(
    "worker.js",
    `export default { async fetch(request, env, ctx) { return Response.json({ status: "ok", runtime: "workerd", timestamp: 0 }); } };\n`,
  );
  const config = (port: number): string =>
    workFile(
      `workerd-${port}.capnp`,
      `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (modules = [(name = "worker.js", esModule = embed "worker.js")], compatibilityDate = "2026-01-01"))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);
`,
    );
  return { name: `workerd ${WORKERD_VERSION}`, ...HEALTH, command: (port) => [binary, "serve", config(port)] };
}

/** A folder of `count` small functions f0 … */
export function manyFunctions(count: number): string {
  const folder = join(work, `many-${count}`);
  for (let at = 0; at < count; at++)
    workFile(`many-${count}/f${at}.js`, `const id = ${at};\nexport default (request) => Response.json({ status: "ok", id });\n`);
  return folder;
}
