/**
 * Check imports: can a module be run at all? Everything that it imports has to
 * be something we provide, under the same signature, and it has to be a command with a
 * memory. The compiler would say so one import at a time, and late.
 */
import { fail, ok, type Result } from "../../../base/result.ts";
import { nearest } from "../../../base/suggest.ts";
import { HOST_FUNCTIONS, type HostModule } from "./host-functions.ts";
import type { ImportFacts, ModuleFacts } from "./module-facts.ts";
import { listed, printable } from "./printable.ts";

/** Names of the functions that are imported, by module. */
export type ContractFacts = Readonly<Record<HostModule, readonly string[]>>;

/** Hostile modules import a million names. */
const LOOKED_AT_MAX = 20;

/** What other hosts provide, the most telling first, and what to do. */
const ELSEWHERE: readonly { readonly fits: (one: ImportFacts) => boolean; readonly hint: string }[] = [
  {
    fits: ({ name }) => name === "__linear_memory" || name === "__indirect_function_table",
    hint: "It is an object file or a library: link it to a program with clang or wasm-ld",
  },
  { fits: ({ module }) => module === "go" || module === "gojs", hint: "It was built for the browser: build with GOOS=wasip1 GOARCH=wasm" },
  {
    fits: ({ module }) => module.startsWith("__wbindgen") || module.startsWith("./"),
    hint: "It was built for JavaScript by wasm-bindgen: build for --target wasm32-wasip1 without it",
  },
  {
    fits: ({ module }) => module.startsWith("wasi:"),
    hint: "It was built for WASI preview 2: build for WASI preview 1 (Rust: --target wasm32-wasip1)",
  },
  {
    fits: ({ kind, name }) => kind === "memory" || name === "thread-spawn",
    hint: "Build it with a memory of its own, without threads (no -pthread, --import-memory or --shared-memory)",
  },
  {
    fits: ({ module, name }) => module === "env" && name === "abort",
    hint: "It was built by AssemblyScript for the browser: build it with the WASI shim (@assemblyscript/wasi-shim)",
  },
  {
    fits: ({ module }) => module === "env" || module === "a",
    hint: "Its linker left these to the host: link what defines them, and build for WASI (Emscripten: -sSTANDALONE_WASM)",
  },
];

export function checkImports(facts: ModuleFacts): Result<ContractFacts> {
  const unknown = unknownImports(facts.imports);
  if (unknown !== null) return unknown;
  const wrong = facts.imports.filter((one) => wanted(one) !== one.type);
  if (wrong.length > 0) return wrongSignatures(wrong);
  const names = (module: HostModule): string[] => facts.imports.filter((one) => one.module === module).map(({ name }) => name);
  return (
    whyNoCommand(facts) ??
    ok({
      wasi_snapshot_preview1: names("wasi_snapshot_preview1"),
      wasi_unstable: names("wasi_unstable"),
      gojinn: names("gojinn"),
      pilotlight: names("pilotlight"),
    })
  );
}

/** The signature that the import has to have; null when there is no such function. */
function wanted({ module, name, kind }: ImportFacts): string | null {
  if (kind !== "function" || !isHostModule(module)) return null;
  return HOST_FUNCTIONS[module].get(name) ?? null;
}

function isHostModule(module: string): module is HostModule {
  return Object.hasOwn(HOST_FUNCTIONS, module);
}

/** Null when everything that is imported is provided under that name. */
export function unknownImports(imports: readonly ImportFacts[]): Result<never> | null {
  const unknown = imports.filter((one) => wanted(one) === null);
  if (unknown.length === 0) return null;
  const described = listed(
    unknown,
    ({ module, name, kind }) => `${kind === "function" ? "" : `the ${kind} `}${printable(module)}.${printable(name)}`,
  );
  return fail({
    code: "UNKNOWN_IMPORT",
    message: `the module imports ${described}, which ${unknown.length === 1 ? "is" : "are"} not provided`,
    hint: whatToDo(unknown),
  });
}

function whatToDo(unknown: readonly ImportFacts[]): string {
  const first = unknown.slice(0, LOOKED_AT_MAX);
  const elsewhere = ELSEWHERE.find(({ fits }) => first.some(fits));
  if (elsewhere !== undefined) return elsewhere.hint;
  const named = first.find(({ kind, module, name }) => kind !== "function" && isHostModule(module) && HOST_FUNCTIONS[module].has(name));
  if (named !== undefined) return `${named.module}.${named.name} is a function: import it as one, not as a ${named.kind}`;
  const close = first.map(({ module, name }) => closeTo(module, name)).filter((one) => one !== null);
  if (close.length > 0) return close.join(" ");
  return first.some(({ kind }) => kind === "function")
    ? `Functions of ${Object.keys(HOST_FUNCTIONS).join(", ")} are provided; build for WASI preview 1`
    : "Only functions are provided: build it with memory and tables of its own";
}

function closeTo(module: string, name: string): string | null {
  if (isHostModule(module)) {
    const meant = nearest(name, HOST_FUNCTIONS[module].keys());
    return meant === null ? null : `Did you mean ${module}.${meant} in place of ${printable(name)}?`;
  }
  const meant = nearest(module, Object.keys(HOST_FUNCTIONS));
  return meant === null ? null : `Did you mean the module ${meant} in place of ${printable(module)}?`;
}

function wrongSignatures(wrong: readonly ImportFacts[]): Result<never> {
  return fail({
    code: "WRONG_IMPORT_SIGNATURE",
    message: `the module imports ${listed(wrong, (one) => `${one.module}.${one.name} as ${one.type}, which is ${wanted(one)}`)}`,
    hint: "Declare the imports with these types, or build with the current version of their library",
  });
}

function whyNoCommand({ exports }: ModuleFacts): Result<never> | null {
  const notACommand = (message: string, hint: string): Result<never> => fail({ code: "NOT_A_COMMAND", message, hint });
  const start = exports.find(({ name }) => name === "_start");
  if (start === undefined)
    return exports.some(({ name }) => name === "_initialize")
      ? notACommand(
          "the module is a reactor (it exports _initialize and no _start), and only commands can be run",
          "Build a program with main (clang: without -mexec-model=reactor; Go: without -buildmode=c-shared; Rust: a bin, not a cdylib)",
        )
      : notACommand(
          "the module exports no _start, so there is nothing to run",
          "Build a program with main for WASI preview 1 (Rust: a bin for wasm32-wasip1, not a cdylib; C: clang --target=wasm32-wasi)",
        );
  if (start.kind !== "function" || start.type !== "() -> ()")
    return notACommand(
      "its export _start is no function without parameters and results",
      "Build it as a WASI command, whose _start calls main",
    );
  if (!exports.some(({ name, kind }) => name === "memory" && kind === "memory"))
    return notACommand(
      'the module exports no memory under the name "memory", through which WASI passes everything',
      "Export its memory (wasm-ld --export-memory=memory; linkers do so unless told otherwise)",
    );
  return null;
}
