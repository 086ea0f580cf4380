/** What each place says that is looked into for an index (discover-index.ts). */
import type { Notice } from "../config/mirror/variables.ts";

/** An address as somebody wrote it for pip or uv. It may hold a password. */
export interface FoundAddress {
  readonly text: string;
  /** As people are told. */
  readonly from: string;
  readonly caFile?: string | null;
  readonly notices?: readonly Notice[];
}

/** Further indexes exist: how to name them. */
export function extraNotice(from: string): Notice {
  return {
    code: "MIRROR_EXTRA_INDEX_LEFT",
    message: `${from} names further indexes, which are not mirrored: their order decides who owns a name`,
    hint: "Name them in that order by --extra-index-url",
  };
}
