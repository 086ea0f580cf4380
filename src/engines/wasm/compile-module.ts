/** Compiles off this thread. TypeScript's types for Node leave out what `WebAssembly` can do. */
export function compileModule(bytes: Uint8Array): Promise<WebAssembly.Module> {
  const { compile } = (globalThis as unknown as { WebAssembly: { compile(bytes: Uint8Array): Promise<WebAssembly.Module> } }).WebAssembly;
  return compile(bytes);
}
