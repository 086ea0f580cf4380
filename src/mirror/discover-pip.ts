/**
 * pip's index, asked of pip: `pip install --help` shows the address that it
 * would use, be it from one of its files or built in, and hides the password
 * in it; `pip config list` shows what its files say, passwords included. Both
 * at once, because each takes a Python to start. Bounded in time: a pip that
 * hangs must not keep a mirror from saying that it needs --index-url.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { MIB, SECOND_MS } from "../base/units.ts";
import { extraNotice } from "../config/mirror/extra-indexes.ts";
import type { Env } from "../config/variables.ts";
import type { FoundAddress } from "./found-address.ts";

const PIP_TIMEOUT_MS = 15 * SECOND_MS;
/** The first that is there is the one that a shell would start. */
const PIPS = [["pip"], ["pip3"], ["python3", "-m", "pip"], ["python", "-m", "pip"]] as const;

export async function askPip(env: Env, timeoutMs = PIP_TIMEOUT_MS): Promise<FoundAddress | null> {
  const deadlineMs = performance.now() + timeoutMs;
  for (const [command, ...first] of PIPS) {
    const run = (...args: readonly string[]) => output(command, [...first, ...args], env, deadlineMs - performance.now());
    const [help, list] = await Promise.all([run("install", "--help"), run("config", "list")]);
    const found = help === null ? null : foundIn(help, parsePipConfig(list ?? ""), env);
    if (found !== null) return found;
  }
  return null;
}

export type PipConfig = ReadonlyMap<string, readonly string[]>;

/** Lines of `global.index-url='https://…'`: Python's own notation of a text. A key of several files occurs several times. */
export function parsePipConfig(text: string): PipConfig {
  const config = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/)) {
    const match = /^([\w:.-]+)=(['"])(.*)\2$/.exec(line.trim());
    if (match !== null) config.set(match[1]!, [...(config.get(match[1]!) ?? []), unescaped(match[3]!)]);
  }
  return config;
}

/** What the help names as the default, completed by the file that says the same. */
export function foundIn(help: string, config: PipConfig, env: Env): FoundAddress | null {
  const shown = /--index-url\b[\s\S]*?\(default:?\s+([^\s)]+)\)/.exec(help)?.[1];
  if (shown === undefined) return null;
  const caFile = caOf(config, env);
  // pip lists its variables, too: they are told whether pip is asked or not.
  const hasExtra = valuesOf(config, "extra-index-url").some(([key]) => !key.startsWith(":env:"));
  const notices = hasExtra ? [extraNotice("extra-index-url in pip's settings")] : [];
  const written = valuesOf(config, "index-url").find(([, text]) => bare(text) === bare(shown));
  if (written !== undefined) return { text: written[1], from: `pip's settings, ${written[0]}`, caFile, notices };
  // The address is another than any file's, and its password is hidden: useless.
  if (shown.includes("****")) return null;
  return { text: shown, from: "pip's own default", caFile, notices };
}

/** Of [install] and [global], in that order, as `pip install` has it. */
function valuesOf(config: PipConfig, name: string): (readonly [key: string, text: string])[] {
  const keys = [`:env:.${name}`, `install.${name}`, `global.${name}`];
  return keys.flatMap((key) => (config.get(key) ?? []).map((text) => [key, text] as const));
}

function caOf(config: PipConfig, env: Env): string | null {
  const [entry] = valuesOf(config, "cert");
  if (entry === undefined) return null;
  const file = resolve(entry[1].replace(/^~(?=\/)/, () => env["HOME"] || homedir()));
  return existsSync(file) ? file : null;
}

/** Without credentials and the slash at the end: what pip shows and what a file says may differ in these. */
function bare(text: string): string {
  return text.replace(/\/\/[^/]*@/, "//").replace(/\/+$/, "");
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

function unescaped(text: string): string {
  return text.replace(
    /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))/gi,
    (_, byte: string | undefined, unit: string | undefined, other: string) => {
      const code = byte ?? unit;
      return code === undefined ? (ESCAPES[other] ?? other) : String.fromCharCode(Number.parseInt(code, 16));
    },
  );
}

/** Null when it could not be started, failed, or took too long. */
function output(command: string, args: readonly string[], env: Env, timeoutMs: number): Promise<string | null> {
  if (timeoutMs <= 0) return Promise.resolve(null);
  // As wide as can be, so that no address is broken into lines; and no question to any index.
  const quiet = { COLUMNS: "4000", NO_COLOR: "1", PIP_NO_COLOR: "1", PIP_DISABLE_PIP_VERSION_CHECK: "1", PYTHONIOENCODING: "utf-8" };
  const options = {
    env: { ...env, ...quiet },
    timeout: Math.ceil(timeoutMs),
    killSignal: "SIGKILL",
    maxBuffer: MIB,
    encoding: "utf8",
  } as const;
  return new Promise((done) => {
    try {
      // Without pipes when no more files can be open: its error comes a moment later.
      const child = execFile(command, args, options, (error, stdout) => done(error === null ? stdout : null));
      child.stdin?.end();
    } catch {
      // What the system refuses at once: arguments or an environment that are too long, no memory.
      done(null);
    }
  });
}
