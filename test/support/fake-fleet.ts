/**
 * A supervisor over fake workers, with a deployment made from a list of
 * function ids that a test may change, and everything it logs at hand.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Failure } from "../../src/base/result.ts";
import type { Config, Isolation } from "../../src/config/config.ts";
import type { BundleRef, FunctionSpec } from "../../src/serve/function-spec.ts";
import { Supervisor, type SupervisorOptions } from "../../src/serve/supervisor.ts";

const FAKE_WORKER_FILE = fileURLToPath(new URL("./fake-worker.ts", import.meta.url));

export interface Fleet {
  readonly supervisor: Supervisor;
  readonly port: number;
  /** What the next deployment is made of. */
  plan: { functions: FunctionSpec[]; failures: Failure[] };
  readonly records: Record<string, unknown>[];
  /** Ids in the order in which they were built. */
  readonly builds: string[];
  readonly dataDir: string;
  /** JSON of the answer; throws when the connection fails. */
  get(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

export function spec(id: string, change: Partial<FunctionSpec> = {}): FunctionSpec {
  const limits = { memoryMaxBytes: 1, timeoutMs: 1, cpuTimeoutMs: 1, poolSize: 1 };
  const isolation: Isolation = { kind: "shared" };
  const code = {
    file: "",
    bundle: null,
    failure: null,
    env: {},
    allow: {},
    contract: null,
    checkpoint: false,
    outputMaxBytes: 1,
    folders: [],
    process: null,
    port: null,
  };
  return { id, route: `/${id}`, methods: null, engine: "javascript", isolation, ...limits, ...code, ...change };
}

function fakeConfig(dataDir: string, change: Partial<Config> = {}): Config {
  const config = {
    mode: "serve",
    source: { kind: "folder", path: dataDir },
    host: "127.0.0.1",
    port: 0,
    workerCount: 1,
    tls: null,
    admin: null,
    dataDir,
    workerMemoryMaxBytes: 1_000_000,
    http: { connectionMaxCount: 1 },
    functions: {},
    ...change,
  };
  return config as unknown as Config;
}

export function createFleet(
  functions: readonly FunctionSpec[],
  change: Partial<Config> = {},
  options: Partial<SupervisorOptions> = {},
): Fleet {
  const dataDir = mkdtempSync(join(tmpdir(), "fleet-"));
  const records: Record<string, unknown>[] = [];
  const builds: string[] = [];
  const plan: Fleet["plan"] = { functions: [...functions], failures: [] };
  const bundle: BundleRef = {
    hash: "h",
    codeFile: join(dataDir, "bundle.js"),
    mapFile: "",
    codeCacheFile: "",
    methods: null,
    tracksAsyncContext: false,
  };
  const supervisor = new Supervisor(fakeConfig(dataDir, change), {
    sink: (text) => {
      for (const line of text.split("\n")) if (line !== "") records.push(JSON.parse(line));
    },
    workerEntryFile: FAKE_WORKER_FILE,
    workshop: {
      makeDeployment: async (_, version) => ({ deployment: { version, functions: plan.functions }, notices: [], failures: plan.failures }),
      check: async () => ({ ok: true, value: null }),
      build: async (_, { id }) => {
        builds.push(id);
        writeFileSync(bundle.codeFile, "");
        return { ok: true, value: bundle };
      },
      snapshotFile: async () => "",
    },
    ...options,
  });
  return {
    supervisor,
    plan,
    records,
    builds,
    dataDir,
    get port() {
      return supervisor.addresses.port;
    },
    get: (path) => getJson({ port: supervisor.addresses.port, path }),
    async stop() {
      await supervisor.stop({ force: true });
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** One request on a connection of its own, so that the kernel may choose any worker. */
export function getJson(target: { port: number; path: string } | { socketPath: string; path: string }): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", agent: new Agent({ keepAlive: false }), ...target }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve(JSON.parse(text)));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end();
  });
}

/** Polls until `probe` gives something truthy; the deadline is far, so that only a real failure meets it. */
export async function eventually<Value>(
  what: string,
  probe: () => Promise<Value> | Value,
  timeoutMs = 20_000,
): Promise<NonNullable<Value>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await Promise.resolve(probe()).catch(() => null);
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
