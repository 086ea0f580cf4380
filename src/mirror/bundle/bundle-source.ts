/**
 * What bundles ask of a mirror, and no more: pages and verified content to
 * export and to verify, a store and a database of pages to import into. The
 * mirror binds these; the functions beside this file know nothing else of it.
 */
import type { Failure, Result } from "../../base/result.ts";
import type { ContentReader, PartialFile, StoredContent } from "../../store/content/content-store.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import type { MirrorFailure } from "../failures.ts";
import type { WholePage } from "../pages/pages.ts";
import type { ProjectFile } from "../simple/project-page.ts";

/** What of a file an installer needs: its bytes, and its metadata (PEP 658). */
export type BundledKind = "file" | "metadata";

export interface OpenedContent {
  readonly sha256: string;
  readonly reader: ContentReader;
}

export interface BundleSource {
  /**
   * All files that the index lists, hidden ones as well: `open` refuses those. With `mayAsk` false what is kept, whatever its
   * age, and null when nothing is.
   */
  page(project: string, mayAsk: boolean): Promise<Result<WholePage | null, MirrorFailure>>;
  /**
   * What a client would get for it, HIDDEN_BY_POLICY included. With `mayAsk` it is fetched when it isn't kept; else null then.
   * The caller closes the reader.
   */
  open(project: string, file: ProjectFile, kind: BundledKind, mayAsk: boolean): Promise<Result<OpenedContent | null, MirrorFailure>>;
}

export interface BundleTarget {
  /** What the store keeps before it makes room; null for no limit. */
  readonly maxBytes: number | null;
  /** Whole and right, which is looked at: what has rotted is removed, so that the bundle's takes its place. */
  has(sha256: string): Promise<Result<boolean, StoreFault>>;
  /** These two as ContentStore has them. */
  begin(): Promise<Result<PartialFile, StoreFault>>;
  commit(partial: PartialFile, content: StoredContent): Promise<Result<void, StoreFault>>;
  keptPage(project: string): Promise<Result<WholePage | null, MirrorFailure>>;
  /** Takes the place of the kept page; known to clients as soon as it resolves. */
  keepPage(page: WholePage): Promise<Result<void, StoreFault>>;
}

export interface BundleProgress {
  /** In this order: an export has the first three, an import the next two, `verify` the last. */
  readonly phase: "pages" | "fetch" | "write" | "check" | "import" | "verify";
  readonly doneCount: number;
  readonly totalCount: number;
  readonly doneBytes: number;
}

export type OnProgress = (progress: BundleProgress) => void;

export interface BundleFailure extends Failure {
  readonly code:
    | "BUNDLE_INCOMPLETE"
    | "BUNDLE_UNWRITABLE"
    | "BUNDLE_UNREADABLE"
    | "BUNDLE_DAMAGED"
    | "BUNDLE_CONFLICT"
    | "BUNDLE_TOO_LARGE"
    | "BUNDLE_STORE_FAILED";
  /** All of them, one a line; empty where the message says it. */
  readonly problems: readonly string[];
}
