/**
 * Reserved names: under which the rewriter exports state and the image finds it.
 * The same as EXPORTED of guest/wasi/image.ts, which the host may not import;
 * a test compares them.
 */
export const EXPORTED = { global: "pilotlight:global:", table: "pilotlight:table:", memory: "pilotlight:memory:" } as const;

export function isReserved(name: string): boolean {
  return name.startsWith(EXPORTED.global) || name.startsWith(EXPORTED.table) || name.startsWith(EXPORTED.memory);
}
