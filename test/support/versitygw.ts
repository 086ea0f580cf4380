/**
 * A real S3 server for tests: versitygw over a folder, built once by the Go
 * that is installed, into a folder that outlives the run. Where it can't be had
 * the tests that need it are skipped, with the reason.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StorageConfig } from "../../src/config/mirror-config.ts";
import { unusedPort } from "./unused-port.ts";

const MODULE = "github.com/versity/versitygw/cmd/versitygw";
const VERSION = "v1.8.0";
const CACHE = join(import.meta.dirname, "../../node_modules/.cache/pilotlight");
/** Two minutes of two cores here; the runner ends a test file after three. */
const BUILD_TIMEOUT_MS = 160_000;
const START_TIMEOUT_MS = 10_000;

export type S3Storage = Extract<StorageConfig, { kind: "s3" }>;

export interface S3Server {
  readonly storage: S3Storage;
  /** The bucket as a folder: an object is a file under its key. */
  readonly bucketDir: string;
  stop(): Promise<void>;
}

/** Where the program is, or why there is none. */
export function buildVersitygw(): { readonly file: string } | { readonly missing: string } {
  const file = join(CACHE, `versitygw-${VERSION}`);
  if (existsSync(file)) return { file };
  if (spawnSync("go", ["version"]).status !== 0) return { missing: "needs versitygw, which needs Go to build it: no go is installed" };
  mkdirSync(CACHE, { recursive: true });
  const building = mkdtempSync(join(CACHE, "build-"));
  try {
    const built = spawnSync("go", ["install", `${MODULE}@${VERSION}`], {
      env: { ...process.env, GOBIN: building, CGO_ENABLED: "0" },
      timeout: BUILD_TIMEOUT_MS,
      encoding: "utf8",
    });
    if (built.status !== 0) {
      const why = built.error === undefined ? built.stderr.trim().split("\n").at(-1) : built.error.message;
      return { missing: `needs versitygw, and go install ${MODULE}@${VERSION} failed: ${why}` };
    }
    renameSync(join(building, "versitygw"), file);
    return { file };
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}

export async function startVersitygw(file: string): Promise<S3Server> {
  const root = mkdtempSync(join(tmpdir(), "pilotlight-s3-"));
  const bucketDir = join(root, "data", "wheels");
  mkdirSync(bucketDir, { recursive: true });
  mkdirSync(join(root, "attributes"));
  const port = await unusedPort();
  const keys = ["--access", "test-access", "--secret", "test-secret"];
  const backend = ["posix", "--sidecar", join(root, "attributes"), join(root, "data")];
  const child = spawn(file, [...keys, "--port", `127.0.0.1:${port}`, "--keep-alive", "--quiet", ...backend], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  await listening(port, child, () => errors);
  return {
    storage: {
      kind: "s3",
      endpoint: `http://127.0.0.1:${port}`,
      region: "us-east-1",
      bucket: "wheels",
      prefix: "cache/a b",
      accessKeyId: "test-access",
      secretAccessKey: "test-secret",
      sessionToken: null,
      forcePathStyle: true,
      partBytes: 5 * 1024 * 1024,
      connectionsMax: 8,
    },
    bucketDir: join(bucketDir, "cache/a b"),
    async stop() {
      const gone = once(child, "exit");
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL");
        await gone;
      }
      rmSync(root, { recursive: true, force: true });
    },
  };
}

async function listening(port: number, child: ChildProcess, errors: () => string): Promise<void> {
  const endMs = performance.now() + START_TIMEOUT_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || performance.now() > endMs) throw new Error(`versitygw does not start: ${errors()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
