/**
 * The clients of process functions as tests run them: each interpreter or
 * compiler that this machine has, with the handlers of test/guests/process, by
 * each way that the client knows. What a machine lacks is named, so that a test
 * can say what it did not test.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MIB } from "../../src/base/units.ts";
import type { PeerOptions } from "./process-peer.ts";

const ROOT = join(import.meta.dirname, "../..");
const CLIENTS = join(ROOT, "guest/process");
const HANDLERS = join(ROOT, "test/guests/process");

/** Kept between runs, and not beside the sources. */
const BYTECODE = join(tmpdir(), "pilotlight-test-bytecode");

export interface Client {
  readonly name: "Python" | "Node" | "C";
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export interface Way {
  readonly name: string;
  readonly ring: PeerOptions["ring"];
}

export const WAYS: readonly Way[] = [
  { name: "frames", ring: null },
  { name: "the ring", ring: { capacityBytes: MIB, hasCrc: true } },
  // So small that every message goes round it, and every answer of some length waits for room.
  { name: "a small ring without CRC", ring: { capacityBytes: 4_096, hasCrc: false } },
];

/** The Python client, as a function finds it. */
export function pythonClient(script = join(HANDLERS, "handler.py")): Client | null {
  // Of a version manager's shim, the interpreter itself: a test starts it often.
  const { status, stdout } = spawnSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" });
  if (status !== 0) return null;
  return { name: "Python", command: [stdout.trim(), script], env: { PYTHONPATH: CLIENTS, PYTHONPYCACHEPREFIX: BYTECODE } };
}

export function nodeClient(): Client {
  return { name: "Node", command: [process.execPath, join(HANDLERS, "handler.mjs")], env: {} };
}

/** Compiled with every warning an error; null without a compiler. */
export function cClient(): { client: Client; remove(): void } | null {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-c-client-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const program = join(folder, "handler");
  const flags = ["-std=c99", "-O1", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsanitize=undefined", "-fno-sanitize-recover=all"];
  const { error, status, stderr } = spawnSync("cc", [...flags, `-I${CLIENTS}`, "-o", program, join(HANDLERS, "handler.c")], {
    encoding: "utf8",
  });
  if (error === undefined && status === 0) return { client: { name: "C", command: [program], env: {} }, remove };
  remove();
  if (error !== undefined) return null;
  throw new Error(`the C client can't be compiled: ${stderr}`);
}
