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
