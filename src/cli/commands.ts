/**
 * The commands by name, each loaded only when it is asked for. The summaries
 * stand here and not in the commands, so that the overview loads none of them.
 */
import type { Command } from "./command.ts";

interface Entry {
  readonly group: string;
  readonly summary: string;
  load(): Promise<Command>;
}

const SERVE = "Serve";
const WORK = "Work on functions";
const OPERATE = "Look into a running server";
const PACKAGES = "Mirror packages";
const MEASURE = "Measure";

export const COMMANDS = {
  serve: { group: SERVE, summary: "serve a folder of functions", load: async () => (await import("./serve.ts")).serve },
  dev: { group: SERVE, summary: "serve, reload on save, readable errors", load: async () => (await import("./dev.ts")).dev },
  up: { group: SERVE, summary: "serve an aetherless.yaml", load: async () => (await import("./up.ts")).up },
  down: { group: SERVE, summary: "end the server on this machine", load: async () => (await import("./down.ts")).down },
  build: {
    group: SERVE,
    summary: "bundle and compile, so that serve starts without work",
    load: async () => (await import("./build.ts")).build,
  },
  init: { group: WORK, summary: "write a project that runs and tests", load: async () => (await import("./init.ts")).init },
  run: { group: WORK, summary: "run a WebAssembly command (WASI)", load: async () => (await import("./run.ts")).run },
  replay: {
    group: WORK,
    summary: "run a recorded request of a WebAssembly function again",
    load: async () => (await import("./replay.ts")).replay,
  },
  invoke: { group: WORK, summary: "call one function, without a server", load: async () => (await import("./invoke.ts")).invoke },
  test: { group: WORK, summary: "run the .http files beside functions", load: async () => (await import("./test.ts")).test },
  validate: { group: WORK, summary: "check that every function can be served", load: async () => (await import("./validate.ts")).validate },
  list: { group: WORK, summary: "functions, routes and limits", load: async () => (await import("./list.ts")).list },
  stats: { group: OPERATE, summary: "calls, latency, memory and restarts", load: async () => (await import("./stats.ts")).stats },
  logs: { group: OPERATE, summary: "recent log lines, or follow them", load: async () => (await import("./logs.ts")).logs },
  profile: {
    group: OPERATE,
    summary: "CPU or heap profile of a running function",
    load: async () => (await import("./profile.ts")).profile,
  },
  jobs: { group: OPERATE, summary: "background calls and dead letters", load: async () => (await import("./jobs.ts")).jobs },
  doctor: { group: OPERATE, summary: "what this machine lacks and how to mend it", load: async () => (await import("./doctor.ts")).doctor },
  mirror: {
    group: PACKAGES,
    summary: "a package index for pip and uv: cached, verified, offline",
    load: async () => (await import("./mirror.ts")).mirror,
  },
  bench: { group: MEASURE, summary: "compare servers and results", load: async () => (await import("./bench.ts")).bench },
  load: { group: MEASURE, summary: "send load, and measure what comes back", load: async () => (await import("./load.ts")).load },
} as const satisfies Readonly<Record<string, Entry>>;

export type CommandName = keyof typeof COMMANDS;
