/** What `list`, `validate` and the admin API say of a WebAssembly function: how its requests start and what they look like, with the reasons. */
import { readFileSync } from "node:fs";
import { parseFacts } from "../engines/wasm/wasm-facts.ts";
import type { FunctionSpec } from "./function-spec.ts";

export interface WasmStart {
  readonly mode: string;
  readonly modeReason: string;
  readonly contract: string;
  readonly contractReason: string;
}

/** Null for other engines, and before it was built. */
export function wasmStartOf({ engine, bundle }: FunctionSpec): WasmStart | null {
  if (engine !== "wasm" || bundle === null) return null;
  try {
    const facts = parseFacts(readFileSync(bundle.mapFile, "utf8"), bundle.mapFile);
    if (!facts.ok) return null;
    const { mode, modeReason, contract, contractReason } = facts.value;
    return { mode, modeReason, contract, contractReason };
  } catch {
    // Swept away or never written whole: the next call builds it anew.
    return null;
  }
}
