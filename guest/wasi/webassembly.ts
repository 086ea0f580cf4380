/**
 * The part of the WebAssembly JavaScript API that the shim uses
 * (webassembly.github.io/spec/js-api). TypeScript declares it only with the
 * whole of the DOM, Node's types a part of it. Asked for when it is used:
 * nothing of it may lie in a heap snapshot.
 */

export interface Module {
  readonly __module: never;
}

export type Exports = Readonly<Record<string, unknown>>;
export type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export interface Global {
  value: unknown;
}

export interface Table {
  readonly length: number;
  get(index: number): unknown;
  set(index: number, value: unknown): void;
}

interface Api {
  readonly Module: { new (bytes: Uint8Array): Module; imports(module: Module): { readonly module: string; readonly name: string }[] };
  readonly Memory: abstract new (...args: never[]) => Memory;
  readonly Instance: new (module: Module, imports: Imports) => { readonly exports: Exports };
  readonly SuspendError: abstract new (...args: never[]) => Error;
  readonly Suspending: new (run: (...args: never[]) => unknown) => object;
  promising(run: unknown): (...args: unknown[]) => Promise<unknown>;
}

export function webAssembly(): Api {
  return (globalThis as unknown as { WebAssembly: Api }).WebAssembly;
}
