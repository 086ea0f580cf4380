/**
 * node:process, as much as a sandbox has: its environment is what the function
 * was given, its directory is "/", and it can't exit: it is not one.
 */
import { EventEmitter } from "./events.ts";

declare const console: { log(...values: unknown[]): void; warn(...values: unknown[]): void; error(...values: unknown[]): void };
declare const performance: { now(): number; readonly timeOrigin: number };
declare const queueMicrotask: (callback: () => void) => void;

const NODE_VERSION = "26.0.0";
const NANOSECONDS_PER_MS = 1_000_000n;

function nowNs(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1_000)) * 1_000n;
}

function hrtime(previous?: readonly [number, number]): [number, number] {
  const ns = nowNs() - (previous === undefined ? 0n : BigInt(previous[0]) * 1_000n * NANOSECONDS_PER_MS + BigInt(previous[1]));
  return [Number(ns / (1_000n * NANOSECONDS_PER_MS)), Number(ns % (1_000n * NANOSECONDS_PER_MS))];
}
hrtime.bigint = nowNs;

/** Text that is written becomes log records; the line end is the record's own. */
function stream(write: (text: string) => void) {
  return {
    isTTY: false,
    write(text: unknown): boolean {
      write(String(text).replace(/\n$/, ""));
      return true;
    },
  };
}

const process = Object.assign(Object.create(EventEmitter.prototype) as InstanceType<typeof EventEmitter>, {
  title: "pilotlight",
  version: `v${NODE_VERSION}`,
  versions: { node: NODE_VERSION },
  arch: "x64",
  platform: "linux",
  release: { name: "node" },
  pid: 1,
  ppid: 0,
  argv: ["node", "function"],
  argv0: "node",
  execArgv: [] as string[],
  execPath: "/node",
  exitCode: undefined,
  features: {},
  config: {},
  stdout: stream((text) => console.log(text)),
  stderr: stream((text) => console.error(text)),
  hrtime,
  cwd: () => "/",
  umask: () => 0o22,
  uptime: () => performance.now() / 1_000,
  nextTick(callback: (...args: unknown[]) => void, ...args: unknown[]): void {
    queueMicrotask(() => callback(...args));
  },
  emitWarning(warning: unknown): void {
    console.warn(warning instanceof Error ? `${warning.name}: ${warning.message}` : `Warning: ${String(warning)}`);
  },
  exit(code?: number): never {
    throw new Error(`process.exit(${code ?? ""}) was called: a function ends by answering, not by exiting`);
  },
  abort(): never {
    throw new Error("process.abort() was called: a function ends by answering, not by exiting");
  },
  chdir(): never {
    throw new Error("process.chdir() is not available in this sandbox");
  },
});

/** Read late: the environment is given to each sandbox when it boots, after the bundle's modules may have been read. */
Object.defineProperty(process, "env", {
  enumerable: true,
  configurable: true,
  get: () => (globalThis as { __env__?: Record<string, string> }).__env__ ?? {},
});
Object.defineProperty(process, Symbol.toStringTag, { value: "process", configurable: true });

export const { title, version, versions, arch, platform, release, pid, argv, stdout, stderr, cwd, uptime, nextTick, emitWarning, exit } =
  process;
export const env = (process as unknown as { env: Record<string, string> }).env;
export { hrtime };
export default process;
