/**
 * A running server whose functions are executables: programs as texts with
 * their interpreter, and the processes that are theirs, found in /proc by what
 * the server gave them to find in their environment.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServerHooks, ServerOptions } from "../../src/index.ts";
import type { FunctionStats, ServerStats } from "../../src/serve/operator.ts";
import { pythonClient } from "./process-clients.ts";
import { startServer, type TestServer } from "./server.ts";

const CLIENTS = join(import.meta.dirname, "../../guest/process");
/** The interpreter itself; null on a machine without one. */
export const PYTHON = pythonClient()?.command[0] ?? null;
export const NO_PYTHON = PYTHON === null ? "NOT TESTED: this machine has no python3" : false;

export function sh(text: string): string {
  return `#!/bin/sh\n${text}\n`;
}

export function python(text: string): string {
  return `#!${PYTHON ?? "/usr/bin/python3"}\n${text}\n`;
}

/** A Python function with our client: `handler` is the body of a function of `request`. */
export function pythonHandler(handler: string, serveOptions = "", before = ""): string {
  const body = handler.replaceAll(/^/gm, "    ");
  const options = serveOptions === "" ? "" : `, ${serveOptions}`;
  return python(`import os, time\nimport pilotlight\n${before}\ndef handler(request):\n${body}\n\npilotlight.serve(handler${options})`);
}

/** A Node function with our client: `handler` is an expression. It needs no package: the client's file is named. */
export function nodeHandler(handler: string, concurrency = 16): string {
  const client = JSON.stringify(join(CLIENTS, "pilotlight.mjs"));
  return `#!${process.execPath}\nimport { Answer, serve } from ${client};\nserve(${handler}, { concurrency: ${concurrency} });\n`;
}

/** Built by the compiler that is there; null without one. */
export function builtProgram(source: string, program: string): string | null {
  const { error, status, stderr } = spawnSync("cc", ["-O1", `-I${CLIENTS}`, "-x", "c", "-o", program, "-"], {
    input: source,
    encoding: "utf8",
  });
  if (error !== undefined) return null;
  if (status !== 0) throw new Error(stderr);
  return program;
}

export interface ProcessServer extends TestServer {
  /** The numbers of one function. */
  statsOf(functionId: string): Promise<FunctionStats | null>;
  stats(): Promise<ServerStats>;
  /** Pids of its programs and what they have started, without what holds them. */
  programsOf(functionId: string): number[];
}

export async function startProcessServer(
  files: Readonly<Record<string, string>>,
  options: ServerOptions = {},
  hooks: ServerHooks = {},
): Promise<ProcessServer> {
  const server = await startServer(files, options, hooks);
  const dataDir = options.dataDir ?? join(server.folder, ".pilotlight");
  const stats = async (): Promise<ServerStats> => (await (await fetch(new URL("/v1/stats", server.adminUrl))).json()) as ServerStats;
  return {
    ...server,
    stats,
    statsOf: async (functionId) => (await stats()).functions.find(({ id }) => id === functionId) ?? null,
    programsOf: (functionId) => programsOf(dataDir, functionId),
  };
}

/** Of one server's data folder: all that its functions have started, what holds them included. */
export function allOf(dataDir: string): number[] {
  return pids().filter((pid) => belongs(read(pid, "environ").split("\0"), dataDir));
}

export function programsOf(dataDir: string, functionId: string): number[] {
  return pids().filter((pid) => {
    const entries = read(pid, "environ").split("\0");
    return entries.includes(`PILOTLIGHT_FUNCTION=${functionId}`) && belongs(entries, dataDir) && !isHolder(pid);
  });
}

function pids(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

/** Its home is there, whatever its function is called. */
function belongs(environment: readonly string[], dataDir: string): boolean {
  return environment.some((entry) => entry.startsWith(`HOME=${join(dataDir, "home")}/`));
}

/** setpriv, unshare and the shell have the shell's script among their arguments; a zombie has none. */
function isHolder(pid: number): boolean {
  const line = read(pid, "cmdline");
  return line === "" || line.includes("ulimit -c 0");
}

function read(pid: number, name: "environ" | "cmdline"): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "latin1");
  } catch {
    return "";
  }
}
