/**
 * Names under which a rewritten module exports its state, and the image finds it
 * (src/engines/wasm/binary/rewrite.ts, prepare/asyncify.ts). No compiler uses them.
 */

export const EXPORTED = { global: "pilotlight:global:", table: "pilotlight:table:", memory: "pilotlight:memory:" } as const;

/**
 * Name under which a prepared module exports the memory that its stack is
 * unwound into, behind it the indices of the functions that can unwind: "7,12".
 * A memory like the others to the image, which puts it back with them.
 */
export const GATE_EXPORT = `${EXPORTED.memory}gate:`;
