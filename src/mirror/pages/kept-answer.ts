/**
 * Kept answer: what one index said of one project ("" is the list of all
 * projects), without the content: enough to decide whether to ask again. Lies
 * in the database and, for projects in use, in the memory of the event loop.
 */
import { builtin } from "../../base/builtin.ts";
import type { KeptState } from "./freshness.ts";

export interface KeptAnswer extends KeptState {
  /** Address of the index: its identity. Names can be given to another one. */
  readonly url: string;
  /** What the index was called when it answered. */
  readonly index: string;
  /** Of the page's content; "" where the index has none. */
  readonly contentHash: string;
}

/** Name of the list of all projects where a project's stands otherwise. No project has it. */
export const LIST = "";

export function contentHashOf(content: string): string {
  return builtin.crypto.createHash("sha256").update(content).digest("base64url");
}
