/**
 * Entry of the process that `pilotlight run` starts, and that becomes the
 * program: one isolate, one module, one run to its end, with this process's own
 * streams. Waiting blocks, as it does in any program.
 */
import { readFileSync, readSync, writeSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { isatty } from "node:tty";
import ivm from "isolated-vm";
import { ERRNO, FILETYPE } from "../../guest/wasi/abi.ts";
import { CHANNEL, ENDED } from "../../guest/wasi/channel.ts";
import { guestScript } from "../engines/javascript/guest-script.ts";
import { checkImports } from "../engines/wasm/binary/check-imports.ts";
import { rewriteModule } from "../engines/wasm/binary/rewrite.ts";
import { compileModule } from "../engines/wasm/compile-module.ts";
import { HostFiles } from "../engines/wasm/files/host-files.ts";
import type { LiveStreams } from "../engines/wasm/host-calls.ts";
import { guestFrames, trapSummary } from "../engines/wasm/trap-text.ts";
import { WasmRealm } from "../engines/wasm/wasm-realm.ts";

export interface RunJob {
  /** As the user wrote it. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly environ: readonly string[];
  readonly folders: readonly { readonly hostPath: string; readonly guestName: string; readonly isWritable: boolean }[];
  readonly memoryMaxBytes: number;
}

const JOB_DESCRIPTOR = 3;
/** As a shell tells of a program that SIGABRT ended. */
const EXIT_TRAPPED = 134;
const EXIT_UNUSABLE = 1;
const EXIT_CODE_MAX = 255;
const SHIM_HEAP_MIB = 64;
const OPEN_FILES_MAX = 10_000;
const RETRY_MS = 5;

void runJob(JSON.parse(readFileSync(JOB_DESCRIPTOR, "utf8")) as RunJob).then((code) => {
  // Not by a return: V8 may wait for ever for its compilers of WebAssembly when it is taken down in order
  // (14.6, with isolates of isolated-vm). Everything was written synchronously.
  (process as unknown as { reallyExit(code: number): never }).reallyExit(code);
});

async function runJob({ name, file, args, environ, folders, memoryMaxBytes }: RunJob): Promise<number> {
  const rewritten = rewriteModule(readFileSync(file), { memoryMaxBytes });
  const checked = rewritten.ok ? checkImports(rewritten.value.facts) : rewritten;
  if (!rewritten.ok || !checked.ok) {
    const { message, hint } = (rewritten.ok ? (checked as { failure: { message: string; hint?: string } }) : rewritten).failure;
    return complain(name, `${message}. ${hint ?? ""}`, EXIT_UNUSABLE);
  }
  // Not in a folder that others may write to: the script decides what a guest may do.
  const script = await guestScript("wasi", join(userInfo().homedir, ".cache", "pilotlight"));
  const isolate = new ivm.Isolate({ memoryLimit: SHIM_HEAP_MIB });
  const context = isolate.createContextSync();
  context.evalClosureSync(script.code, [], { filename: "pilotlight-guest" });
  let module: WebAssembly.Module;
  try {
    module = await compileModule(rewritten.value.bytes);
  } catch (error) {
    return complain(name, `It does not compile: ${(error as Error).message}`, EXIT_UNUSABLE);
  }
  const realm = new WasmRealm(
    context,
    module,
    {
      mode: "instance",
      args,
      environ,
      environIsRequest: false,
      stdoutMaxBytes: 0,
      stderrMaxBytes: 0,
      heldMaxPages: Number.POSITIVE_INFINITY,
      isLive: true,
      streamFiletypes: [0, 1, 2].map((descriptor) => (isatty(descriptor) ? FILETYPE.characterDevice : FILETYPE.unknown)),
    },
    {
      files: (window) => new HostFiles({ folders, openMaxCount: OPEN_FILES_MAX, window }),
      // An instance that runs alone blocks instead of waiting: it never asks.
      ask: () => {},
      ended: () => {},
      streams: ownStreams,
      log: (_level, text) => writeAll(2, Buffer.from(`${text}\n`)),
      onInternalError: (error) => complain(name, `internal error: ${(error as Error).stack}`, EXIT_UNUSABLE),
    },
  );
  let ended: number;
  try {
    ended = realm.run.applySync(undefined, [0, 0], {}) as number;
  } catch (error) {
    // Tables, unlike linear memory, lie in the isolate's heap.
    const reason = isolate.isDisposed ? `it needs more than ${SHIM_HEAP_MIB} MiB beside its linear memory` : (error as Error).message;
    return complain(name, `trapped: ${reason}`, EXIT_TRAPPED);
  }
  if (ended === ENDED.exited) return Math.min(realm.exitCode >>> 0, EXIT_CODE_MAX);
  if (ended === ENDED.waiting) {
    return complain(
      name,
      "trapped: it asks for what only a server has (kv, sql, blob, queue, lock or http); serve it as a function",
      EXIT_TRAPPED,
    );
  }
  const text = realm.failureText();
  return complain(name, [`trapped: ${trapSummary(text)}`, ...guestFrames(text).split("\n").slice(1)].join("\n"), EXIT_TRAPPED);
}

function complain(name: string, message: string, code: number): number {
  writeAll(2, Buffer.from(`pilotlight run: ${name}: ${message}\n`));
  return code;
}

const pause = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
function sleep(us: number): void {
  Atomics.wait(pause, 0, 0, us / 1_000);
}

const ownStreams: LiveStreams = { readStdin, write: (stream, bytes) => writeAll(stream, bytes), sleep };

/** Descriptors may be non-blocking (a terminal shared with another program): then there is nothing yet. */
function readStdin(into: Uint8Array): number {
  for (;;) {
    try {
      return readSync(0, into);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") return code === "EISDIR" ? -ERRNO.isdir : -ERRNO.io;
      sleep(RETRY_MS * 1_000);
    }
  }
}

function writeAll(descriptor: number, bytes: Uint8Array): number {
  // A view of shared memory can't be written as it is.
  const copy = Buffer.from(bytes.slice(0, CHANNEL.windowBytes));
  for (let at = 0; at < copy.length; ) {
    try {
      at += writeSync(descriptor, copy, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EAGAIN") return code === "EPIPE" ? -ERRNO.pipe : code === "ENOSPC" ? -ERRNO.nospc : -ERRNO.io;
      sleep(RETRY_MS * 1_000);
    }
  }
  return copy.length;
}
