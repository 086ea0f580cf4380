/**
 * Parse: the one door from untrusted bytes to what we know of a module. Says
 * what a file is that isn't one, and turns every fault of the readers into a
 * Failure with its offset. Must not throw, whatever the bytes are.
 */
import { fail, ok, type Result } from "../../../base/result.ts";
import { ByteReader, Malformed, Proposed } from "./byte-reader.ts";
import type { ModuleFacts } from "./module-facts.ts";
import { type ModuleLayout, ModuleReading } from "./module-reading.ts";
import { HEADER_BYTES, readSections } from "./sections.ts";

export interface ParsedModule {
  readonly facts: ModuleFacts;
  readonly layout: ModuleLayout;
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d] as const;
const VERSION = 1;
const BUILD_AGAIN = "Build the module again and copy it in binary mode";
/** How far a text is looked into, past its comments. */
const TEXT_HEAD_BYTES = 4096;

export function parseModule(bytes: Uint8Array): Result<ParsedModule> {
  const other = describeOther(bytes);
  if (other !== null) return other;
  try {
    const reader = new ByteReader(bytes);
    const reading = new ModuleReading(bytes, readSections(reader));
    return ok({ facts: reading.facts(), layout: reading.layout });
  } catch (error) {
    if (error instanceof Proposed) return invalid(`at byte ${error.offset}, the module ${error.does}`, error.hint);
    if (!(error instanceof Malformed)) throw error;
    return invalid(`the module is invalid at byte ${error.offset}: expected ${error.expected}`, BUILD_AGAIN);
  }
}

function invalid(message: string, hint: string): Result<never> {
  return fail({ code: "INVALID_MODULE", message, hint });
}

/** Null when the bytes begin as a module does. */
function describeOther(bytes: Uint8Array): Result<never> | null {
  if (!MAGIC.every((byte, index) => bytes[index] === byte)) return describeForeign(bytes);
  if (bytes.length < HEADER_BYTES) return invalid(`the module ends after ${bytes.length} bytes, within its header`, BUILD_AGAIN);
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const version = view.getUint16(4, true);
  const layer = view.getUint16(6, true);
  if (layer === 0 && version === VERSION) return null;
  if (layer === 1)
    return invalid(
      "this is a WebAssembly component, and only core modules can be run",
      "Build for WASI preview 1 (Rust: --target wasm32-wasip1, Go: GOOS=wasip1, TinyGo: -target=wasip1), without wasm-tools component new",
    );
  return invalid(`the module has format version ${view.getUint32(4, true)}, and only version 1 is known`, BUILD_AGAIN);
}

const SIGNATURES: readonly { readonly bytes: readonly number[]; readonly is: string; readonly hint: string }[] = [
  {
    bytes: [0x7f, 0x45, 0x4c, 0x46],
    is: "a native program (ELF)",
    hint: "Build it for WebAssembly, or name it without .wasm to run it as a process",
  },
  { bytes: [0x1f, 0x8b], is: "compressed with gzip", hint: "Unpack it with gunzip" },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], is: "compressed with zstd", hint: "Unpack it with zstd -d" },
  { bytes: [0x50, 0x4b, 0x03, 0x04], is: "a zip archive", hint: "Unpack it" },
  {
    bytes: [0x21, 0x3c, 0x61, 0x72, 0x63, 0x68, 0x3e],
    is: "a library of object files",
    hint: "Link it to a program with wasm-ld or clang",
  },
  { bytes: [0x42, 0x43, 0xc0, 0xde], is: "LLVM bitcode", hint: "Link it to a program with wasm-ld or clang" },
];

function describeForeign(bytes: Uint8Array): Result<never> {
  const known = SIGNATURES.find((one) => one.bytes.every((byte, index) => bytes[index] === byte));
  if (known !== undefined) return invalid(`the file is no WebAssembly module but ${known.is}`, known.hint);
  if (isText(bytes))
    return invalid("the file is WebAssembly text, and only the binary format can be run", "Translate it with wat2wasm or wasm-tools parse");
  const found = [...bytes.subarray(0, MAGIC.length)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return invalid(
    `the file is no WebAssembly module: at byte 0, expected 00 61 73 6d, found ${found || "nothing"}`,
    "Name a module that was built for WASI preview 1",
  );
}

function isText(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, TEXT_HEAD_BYTES)).toString("latin1");
  let at = 0;
  for (;;) {
    while (at < head.length && " \t\r\n".includes(head[at]!)) at++;
    const isLine = head.startsWith(";;", at);
    if (!isLine && !head.startsWith("(;", at)) break;
    const end = head.indexOf(isLine ? "\n" : ";)", at + 2);
    if (end === -1) return true;
    at = end + (isLine ? 1 : 2);
  }
  return head.startsWith("(module", at) || head.startsWith("(component", at);
}
