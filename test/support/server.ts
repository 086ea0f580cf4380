/**
 * A running server for tests: functions written to a folder of their own, a
 * free port, one worker unless told otherwise. Always stop it.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createServer, type ServerHooks, type ServerOptions } from "../../src/index.ts";

export interface TestServer {
  readonly url: string;
  readonly adminUrl: string;
  readonly port: number;
  readonly folder: string;
  get(path: string, init?: RequestInit): Promise<Response>;
  /** Prometheus text of all workers. */
  metrics(): Promise<string>;
  /** Value of the first sample whose line begins with `name` and has all `labels`. */
  metric(name: string, ...labels: string[]): Promise<number>;
  /** JSON log records of one function, or of all. */
  logs(functionId?: string): Promise<Record<string, unknown>[]>;
  /** Pid of the shared worker, or of the one that this function has to itself; null while there is none. */
  workerOf(functionId: string, dedicated: boolean): Promise<number | null>;
  reload(): Promise<void>;
  stop(): Promise<void>;
}

/** `files` maps names inside the functions folder to their text. */
export async function startServer(
  files: Readonly<Record<string, string>>,
  options: ServerOptions = {},
  hooks: ServerHooks = {},
): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-test-"));
  writeFunctions(folder, files);
  const server = createServer(
    {
      ...(options.eval === undefined ? { path: folder } : {}),
      port: 0,
      workers: 1,
      quiet: true,
      dataDir: join(folder, ".pilotlight"),
      admin: { host: "127.0.0.1", port: 0 },
      ...options,
    },
    hooks,
  );
  const { url, adminUrl, port } = await server.start();
  const admin = adminUrl ?? "";
  const metrics = async (): Promise<string> => (await fetch(new URL("/metrics", admin))).text();
  return {
    url,
    adminUrl: admin,
    port,
    folder,
    get: (path, init) => fetch(new URL(path, url), { redirect: "manual", ...init }),
    metrics,
    async metric(name, ...labels) {
      const line = (await metrics()).split("\n").find((text) => text.startsWith(name) && labels.every((label) => text.includes(label)));
      return line === undefined ? Number.NaN : Number(line.slice(line.lastIndexOf(" ") + 1));
    },
    async logs(functionId) {
      // Workers hand their lines over in batches.
      await new Promise((resolve) => setTimeout(resolve, 150));
      const query = functionId === undefined ? "" : `?function=${encodeURIComponent(functionId)}`;
      const text = await (await fetch(new URL(`/v1/logs${query}`, admin))).text();
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    async workerOf(functionId, dedicated) {
      const { workers } = await server.stats();
      return workers.find((worker) => worker.listening && worker.function === (dedicated ? functionId : null))?.pid ?? null;
    },
    async reload() {
      await server.reload();
    },
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What begins as a script is executable. */
export function writeFunctions(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text, { mode: text.startsWith("#!") ? 0o755 : 0o644 });
  }
}
