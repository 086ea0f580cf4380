/**
 * Asyncify: makes a module that can be left and entered again at its first
 * question for the request. Binaryen's pass does the work, told exactly which
 * functions are on the stack then: they alone are changed, which takes seconds
 * where the whole of a Go program takes a minute, and costs the rest of the
 * program nothing when it runs (docs/decisions/0011-asyncify.md). The stack is
 * unwound into a memory of its own: the guest's stays as the guest left it.
 * Runs in a process of its own: Binaryen gives up by ending its process.
 */
import type Binaryen from "binaryen";
import { GATE_EXPORT } from "../../../../guest/wasi/exported-names.ts";
import { stripCustomSections, withNames } from "./custom-sections.ts";

/** Imports that may tell of the request (guest/wasi/imports.ts), in both spellings of WASI's module. */
const QUESTIONS = ["fd_read", "environ_sizes_get", "environ_get"];
const WASI_MODULES = ["wasi_snapshot_preview1", "wasi_unstable"];

const STACK_MEMORY = "asyncify_memory";
/** Of 64 KiB. A stack that needs more ends in a trap, and the module goes on without checkpoints. */
const STACK_PAGES = 1;

/** `functions` by index: all that may be on the stack. Throws an Error when Binaryen gives up. */
export async function asyncify(bytes: Uint8Array, functions: readonly number[]): Promise<Uint8Array> {
  const { default: binaryen } = await import("binaryen");
  try {
    return changed(binaryen, bytes, functions);
  } catch (error) {
    throw error instanceof Error ? error : new Error(nativeMessage(binaryen, error));
  }
}

function changed(binaryen: typeof Binaryen, bytes: Uint8Array, functions: readonly number[]): Uint8Array {
  const { bytes: bare, names } = stripCustomSections(bytes);
  const module = readBinary(binaryen, bare, accepted(binaryen.Features));
  // Without optimization every local of a changed function is saved and loaded, used or not.
  binaryen.setOptimizeLevel(1);
  binaryen.setShrinkLevel(0);
  binaryen.setDebugInfo(false);
  const nameOf = (index: number): string => binaryen.getFunctionInfo(module.getFunctionByIndex(index)).name;
  binaryen.setPassArgument("asyncify-onlylist", functions.map(nameOf).join(","));
  binaryen.setPassArgument("asyncify-imports", WASI_MODULES.flatMap((wasi) => QUESTIONS.map((name) => `${wasi}.${name}`)).join(","));
  binaryen.setPassArgument("asyncify-in-secondary-memory", "1");
  binaryen.setPassArgument("asyncify-secondary-memory-size", String(STACK_PAGES));
  module.runPasses(["asyncify"]);
  module.addMemoryExport(STACK_MEMORY, GATE_EXPORT + functions.join(","));
  return withNames(module.emitBinary(), names);
}

/** What V8 runs without flags and asyncify understands. Exceptions and GC never come here: such a module can't be put back. */
function accepted(features: typeof Binaryen.Features): number {
  return (
    features.MutableGlobals |
    features.NontrappingFPToInt |
    features.SIMD128 |
    features.BulkMemory |
    features.BulkMemoryOpt |
    features.SignExt |
    features.TailCall |
    features.ReferenceTypes |
    features.CallIndirectOverlong |
    features.Multivalue |
    features.RelaxedSIMD |
    features.ExtendedConst |
    features.MultiMemory
  );
}

/** Its types don't know of the second parameter, without which everything new is refused when it is written. */
function readBinary(binaryen: typeof Binaryen, bytes: Uint8Array, features: number): Binaryen.Module {
  return (binaryen.readBinary as (bytes: Uint8Array, features: number) => Binaryen.Module)(bytes, features);
}

/** What C++ threw: Emscripten hands it over as an object of its own, and knows how to read it. */
function nativeMessage(binaryen: typeof Binaryen, error: unknown): string {
  const { getExceptionMessage } = binaryen as unknown as { getExceptionMessage(error: unknown): string[] };
  return [...new Set(getExceptionMessage(error).filter(Boolean))].join(": ");
}
