/**
 * V8's own view of a module, for tests. TypeScript declares WebAssembly only
 * with the whole of the DOM; here is the part that tests use.
 */
export interface Instance {
  readonly exports: Readonly<Record<string, unknown>>;
}

export type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface Api {
  validate(bytes: Uint8Array): boolean;
  readonly Module: {
    new (bytes: Uint8Array): object;
    imports(module: object): { module: string; name: string; kind: string }[];
    exports(module: object): { name: string; kind: string }[];
    customSections(module: object, name: string): ArrayBuffer[];
  };
  readonly Instance: new (module: object, imports?: Imports) => Instance;
}

export const v8 = (globalThis as unknown as { WebAssembly: Api }).WebAssembly;

export function isValid(bytes: Uint8Array): boolean {
  return v8.validate(bytes);
}

export function instantiate(bytes: Uint8Array, imports: Imports = {}): Instance {
  return new v8.Instance(new v8.Module(bytes), imports);
}
