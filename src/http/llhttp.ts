/**
 * llhttp as WebAssembly: Node's own strict HTTP/1 parser, from the file that
 * the undici package carries (a path, not an export: undici is pinned). Our
 * listener runs it over whole heads and over chunked bodies. Lenient flags are
 * never set. Must not know what a request means: that is request-head.ts.
 */
import { createRequire } from "node:module";
import { assert } from "../base/assert.ts";
import { latin1Text } from "./latin1.ts";

/** What a callback returns to stop llhttp right behind the bytes it reported. */
export const PAUSED = 21;
/** llhttp stops behind a head that asks for an upgrade or is a CONNECT; the head itself was valid. */
export const PAUSED_UPGRADE = 22;
export const INVALID_METHOD = 6;

const TYPE_REQUEST = 1;

/**
 * Called by llhttp with addresses inside its memory; 0 lets it go on. Taken as
 * they come, parser first: a wrapper around each would cost every header twice.
 */
export interface LlhttpCallbacks {
  readonly onHeaderField?: (parser: number, address: number, length: number) => number;
  readonly onHeaderValue?: (parser: number, address: number, length: number) => number;
  readonly onHeadersComplete?: (parser: number, statusCode: number, upgrade: number, shouldKeepAlive: number) => number;
  readonly onBody?: (parser: number, address: number, length: number) => number;
  readonly onMessageComplete?: () => number;
}

export interface Llhttp {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(bytes: number): number;
  free(address: number): void;
  llhttp_alloc(type: number): number;
  llhttp_free(parser: number): void;
  llhttp_reset(parser: number): void;
  llhttp_resume(parser: number): void;
  llhttp_execute(parser: number, address: number, length: number): number;
  llhttp_get_error_pos(parser: number): number;
  llhttp_get_error_reason(parser: number): number;
}

/** The part of WebAssembly used here: Node's typings leave it out. */
interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}
const wasm = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;

let compiled: object | null = null;

function compile(): object {
  const require = createRequire(import.meta.filename);
  try {
    return new wasm.Module(require("undici/lib/llhttp/llhttp_simd-wasm.js"));
  } catch {
    // A processor or a V8 without Wasm SIMD.
    return new wasm.Module(require("undici/lib/llhttp/llhttp-wasm.js"));
  }
}

/** A fresh instance with a memory of its own; all instances share one compiled module. */
export function instantiateLlhttp(callbacks: LlhttpCallbacks): Llhttp {
  compiled ??= compile();
  const goOn = () => 0;
  const instance = new wasm.Instance(compiled, {
    env: {
      wasm_on_message_begin: goOn,
      wasm_on_url: goOn,
      wasm_on_status: goOn,
      wasm_on_header_field: callbacks.onHeaderField ?? goOn,
      wasm_on_header_value: callbacks.onHeaderValue ?? goOn,
      wasm_on_headers_complete: callbacks.onHeadersComplete ?? goOn,
      wasm_on_body: callbacks.onBody ?? goOn,
      wasm_on_message_complete: callbacks.onMessageComplete ?? goOn,
    },
  });
  const llhttp = instance.exports as unknown as Llhttp & { _initialize(): void };
  llhttp._initialize();
  return llhttp;
}

export function allocateParser(llhttp: Llhttp): number {
  const parser = llhttp.llhttp_alloc(TYPE_REQUEST);
  assert(parser !== 0, "llhttp has no memory left for a parser");
  return parser;
}

/** llhttp's own words for the last error ("Missing expected CR after header value"). */
export function errorReason(llhttp: Llhttp, parser: number): string {
  const address = llhttp.llhttp_get_error_reason(parser);
  if (address === 0) return "not HTTP/1.1";
  const bytes = Buffer.from(llhttp.memory.buffer, address);
  return latin1Text(bytes, 0, bytes.indexOf(0));
}
