/**
 * Module facts: what a WebAssembly module says of itself, read from its bytes
 * without compiling it. Types are written as the text format writes them.
 */
import { ok, type Result } from "../../../base/result.ts";
import type { ExternKind } from "./extern-kind.ts";
import type { Feature } from "./features.ts";
import { parseModule } from "./parse-module.ts";

export interface ImportFacts {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
  /** "(i32, i64) -> i32" of a function; the value type of a global. */
  readonly type: string;
}

export interface ExportFacts {
  readonly name: string;
  readonly kind: ExternKind;
  readonly index: number;
  /** Of a function; else empty. */
  readonly type: string;
}

export interface MemoryFacts {
  readonly minPages: number;
  readonly maxPages: number | null;
  readonly isShared: boolean;
  readonly is64: boolean;
}

export interface TableFacts {
  readonly type: string;
  readonly min: number;
  readonly max: number | null;
  readonly is64: boolean;
}

export interface GlobalFacts {
  readonly type: string;
  readonly isMutable: boolean;
}

export interface ModuleFacts {
  readonly imports: readonly ImportFacts[];
  readonly exports: readonly ExportFacts[];
  /** By index, imported ones first; so are tables and globals. */
  readonly memories: readonly MemoryFacts[];
  readonly tables: readonly TableFacts[];
  readonly globals: readonly GlobalFacts[];
  readonly hasStart: boolean;
  /** Without imported ones. */
  readonly functionCount: number;
  readonly elementCount: number;
  readonly dataCount: number;
  /** Whether traps can name their functions. */
  readonly hasNames: boolean;
  /** "language Rust", "processed-by rustc 1.82.0". */
  readonly producers: readonly string[];
  readonly features: readonly Feature[];
}

export function readModule(bytes: Uint8Array): Result<ModuleFacts> {
  const parsed = parseModule(bytes);
  return parsed.ok ? ok(parsed.value.facts) : parsed;
}
