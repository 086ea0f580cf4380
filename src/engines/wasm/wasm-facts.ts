/**
 * Wasm facts: what was found out about a module when it was built, beside the
 * rewritten module on disk. Written by the supervisor's side (build-module.ts),
 * read by workers, shown by `validate` and `list`.
 */
import type { StartMode } from "../../../guest/wasi/channel.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import type { ContractName } from "../../config/config.ts";

export interface WasmFacts {
  readonly format: number;
  readonly mode: StartMode;
  /** For people: why not a faster mode, or why this one. */
  readonly modeReason: string;
  readonly contract: ContractName;
  readonly contractReason: string;
  /** Imports of the module, "module.name". */
  readonly imports: readonly string[];
  readonly sizeBytes: number;
  /** sha256 of the rewritten module, hex. */
  readonly moduleHash: string;
}

/** Grows when the rewriter or the shim changes what it needs of the other. */
export const WASM_FACTS_FORMAT = 2;

export const MODULE_NAME = "module.wasm";
export const FACTS_NAME = "facts.json";

export function parseFacts(text: string, file: string): Result<WasmFacts> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  const facts = value as WasmFacts | null;
  if (facts?.format === WASM_FACTS_FORMAT) return ok(facts);
  return fail({
    code: "WASM_FACTS_UNREADABLE",
    message: `Cannot use ${file}: it is damaged or of another version`,
    hint: "Delete the folder it lies in; the next start makes it anew",
  });
}
