/**
 * The JavaScript engine as a subject of the contract suite, and a way for other
 * tests to run one handler in it without a server.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subject } from "../../src/engines/contract.test.ts";
import type { Engine, EngineSource } from "../../src/engines/engine.ts";
import { bundleFunction } from "../../src/engines/javascript/bundle.ts";
import { guestScript, snapshotFileName } from "../../src/engines/javascript/guest-script.ts";
import { loneEngine } from "../../src/engines/javascript/lone-engine.ts";
import { writeFileAtomic } from "../../src/store/atomic-file.ts";

const workDir = mkdtempSync(join(tmpdir(), "pilotlight-engine-"));

const HANDLERS = {
  echo: `export default async (request) => {
    const url = new URL(request.url);
    const headers = { "x-method": request.method, "x-target": url.pathname + url.search, "x-echo": request.headers.get("x-probe") ?? "" };
    return new Response(request.body, { headers });
  }`,
  count: `let count = 0; export default () => new Response(String(++count));`,
  throw: `export default () => { throw new Error("boom"); }`,
  spin: `export default () => { for (;;); }`,
  hoard: `export default () => { const hoard = []; for (;;) hoard.push(new Array(10_000).fill({}).map(() => ({}))); }`,
  wait: `export default async (request) => {
    await new Promise((resolve) => setTimeout(resolve, Number(new URL(request.url).pathname.slice(1))));
    return new Response("waited");
  }`,
  status: `export default (request) => new Response(null, { status: Number(new URL(request.url).pathname.slice(1)) });`,
};

export interface GuestLogLine {
  readonly level: string;
  readonly message: string;
}

/** An engine of its own; guest logs that belong to no call go to `logs`. */
export async function makeEngine(logs: GuestLogLine[] = []): Promise<Engine> {
  const prelude = await guestScript("prelude", workDir);
  return loneEngine(join(workDir, snapshotFileName(prelude.hash)), workDir, {
    onGuestLog: (_functionId, level, message) => logs.push({ level, message }),
    onRunaway: (functionId) => process.stderr.write(`a turn of ${functionId} can't be stopped\n`),
    onCatastrophe: (functionId, message) => process.stderr.write(`V8 gave up on ${functionId}: ${message}\n`),
  });
}

let sourceCount = 0;

/** Bundles `code` and wraps it with the limits that tests use unless they say otherwise. */
export async function sourceOf(code: string, limits: Partial<EngineSource> = {}): Promise<EngineSource> {
  const bundled = await bundleFunction({ code, id: "probe", file: "", sourceRoot: workDir }, { mode: "production", minify: false });
  if (!bundled.ok) throw new Error(bundled.failure.message);
  const codeFile = join(workDir, `probe-${++sourceCount}.js`);
  await writeFileAtomic(codeFile, bundled.value.code);
  const defaults = {
    memoryMaxBytes: 64 * 1024 * 1024,
    timeoutMs: 30_000,
    cpuTimeoutMs: 5_000,
    freshState: false,
    env: {},
    allow: {},
    outputMaxBytes: 0,
    contract: null,
    folders: [],
    checkpoint: false,
    process: null,
  };
  return { functionId: "probe", codeFile, mapFile: "", codeCacheFile: null, ...defaults, ...limits };
}

export const javascriptSubject: Subject = {
  name: "javascript",
  skipped: null,
  thrown: { code: "HANDLER_THREW", message: /boom/ },
  outgrown: { code: "MEMORY_LIMIT_EXCEEDED", isClosed: true },
  endless: { code: "CPU_LIMIT_EXCEEDED", isClosed: true },
  keepsState: true,
  sandboxCount: 1_000,
  freshCallCount: 40,
  engine: () => makeEngine(),
  source: (handler, limits) => sourceOf(HANDLERS[handler], limits),
};
