/**
 * CRIU probe: is there a CRIU here that can be used, and if not, why, and what
 * is to be done about it. Versions below 4.2 are refused by number: they fail to dump
 * network sockets on kernels from 6.16 on (checkpoint-restore/criu#2705), and older
 * ones to restore anything on recent ones (#2532), with messages that tell
 * nobody so. Starts `criu` twice, a tenth of a second in all.
 */
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import { SECOND_MS } from "../../../base/units.ts";
import type { CriuFacts } from "./machine-facts.ts";

export const CRIU_WANTED_VERSION = "4.2";
const PROBE_TIMEOUT_MS = 10 * SECOND_MS;
const FURTHER_FOLDERS = ["/usr/sbin", "/usr/local/sbin"];
const INSTALL = `install CRIU ${CRIU_WANTED_VERSION} or newer, or take snapshot: fork`;

export async function probeCriu(searchPath: string): Promise<CriuFacts> {
  const file = findIn(searchPath);
  if (file === null) return { file, version: null, lack: `there is no criu in PATH; ${INSTALL}` };
  const said = await run(file, ["--version"]);
  const version = versionIn(said.output);
  if (version === null)
    return { file, version, lack: `${file} does not tell its version (${said.error ?? "it ended with 0"}); ${INSTALL}` };
  if (isTooOld(version)) return { file, version, lack: `${file} is CRIU ${version}, too old for current kernels; ${INSTALL}` };
  const check = await run(file, ["check"]);
  if (check.error === null) return { file, version, lack: null };
  return { file, version, lack: `\`criu check\` of CRIU ${version} fails: ${complaintIn(check.output) ?? check.error}` };
}

/** As `criu --version` says it; null when it does not. */
export function versionIn(said: string): string | null {
  return /^Version: (\d+(?:\.\d+)*)/m.exec(said)?.[1] ?? null;
}

export function isTooOld(version: string): boolean {
  const [major, minor] = numbersOf(version);
  const [wantedMajor, wantedMinor] = numbersOf(CRIU_WANTED_VERSION);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}

/** What CRIU gives up for, without its own file and line; null when its log says nothing. The first is the cause of the others. */
export function complaintIn(log: string): string | null {
  for (const [, said = ""] of log.matchAll(/Error \([^)]*\): (.*)$/gm)) {
    if (!HARMLESS.test(said)) return said.trim().replace(/\.$/, "");
  }
  return null;
}

/** Said on the way to success, too. */
const HARMLESS = /RLIMIT_NOFILE for self/;

function numbersOf(version: string): [number, number] {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return [major, minor];
}

function findIn(searchPath: string): string | null {
  const folders = [...searchPath.split(delimiter).filter(isAbsolute), ...FURTHER_FOLDERS];
  return folders.map((folder) => join(folder, "criu")).find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function run(file: string, args: readonly string[]): Promise<{ output: string; error: string | null }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(file, [...args], { timeout: PROBE_TIMEOUT_MS, killSignal: "SIGKILL" });
    return { output: stdout + stderr, error: null };
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string };
    return { output: stdout + stderr, error: message.split("\n", 1)[0]! };
  }
}
