/** Extern kinds: what a module imports and exports, by the byte that stands for it (core specification 3.0, section 5.5.5). */
export const EXTERN_KINDS = ["function", "table", "memory", "global", "tag"] as const;

export type ExternKind = (typeof EXTERN_KINDS)[number];
