/**
 * The caches we are compared with, installed once into .cache/peers: proxpi from
 * its Python package, served as its image does (gunicorn, two threads), and
 * groxpi built from its source, unless .cache/peers/groxpi is there already.
 * What can't be had is said.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Effort } from "../figure.ts";
import { ROOT, workFolder } from "../subjects.ts";
import { PROJECT } from "./content.ts";
import type { IndexServer } from "./index-server.ts";

type Peer = IndexServer | { readonly unavailable: string };

const PROXPI_PACKAGES = ["proxpi", "gunicorn"];
const GROXPI_COMMIT = "8cd91e8";
/** One of its dependencies of that day reaches into the runtime, and does not compile with a later Go. */
const GROXPI_GO = "go1.25.4";
/** That one: who builds it by hand with a later release of it says so by the name in the table. */
const GROXPI_BOUND_TO_GO = /^\s+dep\s+github\.com\/bytedance\/(sonic)\s+v(\S+)/m;
const GROXPI_MODULE = "github.com/huyhandes/groxpi/cmd/groxpi";
/** The first build compiles everything below it, the cloud's client too. */
const BUILD_TIMEOUT_MS = 600_000;
const PEERS = join(ROOT, ".cache/peers");

/** None in a run too small for them. Servers of one `purpose` find what those before them kept. */
export function peers(effort: Effort, indexUrl: string, purpose: string): Peer[] {
  return effort.scale < 1
    ? []
    : [groxpi(indexUrl, `groxpi-${purpose.replaceAll(/\W+/g, "-")}`), proxpi(indexUrl, `proxpi-${purpose.replaceAll(/\W+/g, "-")}`)];
}

function proxpi(indexUrl: string, cacheName: string): Peer {
  const bin = join(PEERS, "proxpi/bin");
  const gunicorn = join(bin, "gunicorn");
  if (!existsSync(gunicorn)) {
    const made = run("python3", ["-m", "venv", join(PEERS, "proxpi")]) ?? run(join(bin, "pip"), ["install", "--quiet", ...PROXPI_PACKAGES]);
    if (made !== null) return { unavailable: `proxpi can't be installed: ${made}` };
  }
  const shown = spawnSync(join(bin, "pip"), ["show", "proxpi"], { encoding: "utf8" }).stdout;
  const version = /^Version: (\S+)/m.exec(shown)?.[1] ?? "";
  return {
    name: `proxpi ${version}, 2 threads`,
    pagePath: `/index/${PROJECT}/`,
    listPath: "/index/",
    filePath: (filename) => `/index/${PROJECT}/${filename}`,
    command: (port) => [
      "env",
      `PROXPI_INDEX_URL=${indexUrl}`,
      `PROXPI_CACHE_DIR=${workFolder(cacheName)}`,
      gunicorn,
      "--preload",
      "--bind",
      `127.0.0.1:${port}`,
      "--threads",
      "2",
      "proxpi.server:app",
    ],
  };
}

function groxpi(indexUrl: string, cacheName: string): Peer {
  const binary = join(PEERS, "groxpi");
  if (!existsSync(binary)) {
    const built = run("go", ["install", `${GROXPI_MODULE}@${GROXPI_COMMIT}`], {
      GOBIN: PEERS,
      GOFLAGS: "-buildvcs=false",
      GOTOOLCHAIN: GROXPI_GO,
    });
    if (built !== null) return { unavailable: `groxpi ${GROXPI_COMMIT} can't be built: ${built}` };
  }
  return {
    name: `groxpi ${GROXPI_COMMIT}${builtWith(binary)}`,
    pagePath: `/simple/${PROJECT}/`,
    listPath: "/simple/",
    filePath: (filename) => `/simple/${PROJECT}/${filename}`,
    command: (port) => ["env", `GROXPI_INDEX_URL=${indexUrl}`, `GROXPI_CACHE_DIR=${workFolder(cacheName)}`, `PORT=${port}`, binary],
  };
}

/** " (with sonic 1.15.5)", as the program itself has it. */
function builtWith(binary: string): string {
  const parts = spawnSync("go", ["version", "-m", binary], { encoding: "utf8" }).stdout ?? "";
  const [, name, version] = GROXPI_BOUND_TO_GO.exec(parts) ?? [];
  return version === undefined ? "" : ` (with ${name} ${version})`;
}

/** Null when it went well, else its last words. */
function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string | null {
  mkdirSync(PEERS, { recursive: true });
  const done = spawnSync(program, args, { encoding: "utf8", env: { ...process.env, ...env }, timeout: BUILD_TIMEOUT_MS });
  if (done.status === 0) return null;
  return (done.error?.message ?? done.stderr).trim().split("\n").at(-1) ?? `${program} failed`;
}
