/**
 * libc: system calls that Node does not offer, by its own FFI. Wrong arguments
 * end the process or worse, so each use is one small file that owns what it
 * passes (http/kernel-file.ts, engines/process/ring/). Must not be opened before
 * it is needed: it takes 10 ms that no start has to wait for.
 * Throws where it can't be had: a Node without node:ffi or one that was started
 * with --no-experimental-ffi, a process whose permissions lack --allow-ffi.
 */
import type { DynamicLibraryResult, FunctionDefinitions } from "node:ffi";

export type Ffi = typeof import("node:ffi");

export interface Libc<Signatures extends FunctionDefinitions> {
  readonly ffi: Ffi;
  readonly calls: DynamicLibraryResult<Signatures>["functions"];
}

export function openLibc<const Signatures extends FunctionDefinitions>(signatures: Signatures): Libc<Signatures> {
  return quietly(() => {
    const ffi = process.getBuiltinModule("node:ffi");
    return { ffi, calls: ffi.dlopen(null, signatures).functions };
  });
}

/** Node calls its FFI experimental on standard error; that is between us and Node, which is pinned. */
function quietly<Value>(load: () => Value): Value {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}
