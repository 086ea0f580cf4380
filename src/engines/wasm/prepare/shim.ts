/**
 * The shim (guest/wasi/) as a rehearsal uses it: its own classes, by their few
 * members. Loaded by path when a module is prepared, for the host links no code
 * of the guest (scripts/check-layers.ts); a test holds these types against the
 * real ones.
 */
import { pathToFileURL } from "node:url";
import type { Channel } from "../../../../guest/wasi/channel.ts";
import { guestFile } from "../../../base/package-files.ts";

export type Exports = Readonly<Record<string, unknown>>;
export type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Output {
  truncate(length: number): void;
}

interface Descriptors {
  entries(): IterableIterator<[number, object]>;
  reset(): void;
}

interface Gate {
  readonly isUnwinding: boolean;
  arm(exports: Exports): void;
  watch(asked: () => never): void;
  unwound(): boolean;
  rewind(exports: Exports): void;
}

export interface Guest {
  readonly memory: { attach(memory: never): void };
  readonly gate: Gate;
  readonly descriptors: Descriptors;
  args: readonly Uint8Array[];
  noted: number;
  end: unknown;
}

/** Of no type of ours, so that a part which the real one has more of fails the test. */
export interface GuestParts {
  readonly channel: never;
  readonly descriptors: never;
  readonly stdin: never;
  readonly stdout: never;
  readonly stderr: never;
  readonly environIsRequest: never;
  readonly block: never;
  readonly requests: never;
}

export interface Shim {
  readonly BufferedInput: new () => object;
  readonly BufferedOutput: new (maxBytes: number, whenFull: "end" | "drop") => Output;
  readonly Exit: new (code: number) => { readonly code: number };
  readonly FdTable: new (streamFiletypes: readonly number[], preopens: () => never) => Descriptors;
  readonly GuestProcess: new (parts: GuestParts) => Guest;
  readonly Image: new (exports: Exports) => { bind(exports: Exports): { restore(): boolean } };
  readonly MustWait: new () => object;
  functionsOnStack(): number[];
  gojinnImports(guest: never): Imports[string];
  instantiate(module: never, imports: Imports, guest: never): Exports;
  pilotlightImports(guest: never): Imports[string];
  preopenedFolders(channel: Channel): object[];
  wasiImports(guest: never): Imports[string];
}

const FILES = ["fd-table", "files", "gojinn", "guest-process", "image", "imports", "instantiate", "pilotlight", "request-gate", "streams"];

export async function loadShim(): Promise<Shim> {
  const modules = await Promise.all(FILES.map((name) => import(pathToFileURL(guestFile(`wasi/${name}`)).href) as Promise<Partial<Shim>>));
  return Object.assign({}, ...modules) as Shim;
}
