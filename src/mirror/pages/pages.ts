/**
 * Pages: what the mirror knows of projects, and in which prepared forms it
 * tells it. Behind this contract lie freshness, the choice among the indexes,
 * the policy, the database of pages, and a thread that parses, renders and
 * compresses, so that the event loop does none of it.
 */
import type { Result } from "../../base/result.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import type { Artifact, ArtifactKind } from "../artifact.ts";
import type { MirrorFailure } from "../failures.ts";
import type { HidingRule } from "../policy/policy.ts";
import type { PageFormat } from "../simple/format.ts";
import type { ProjectPage } from "../simple/project-page.ts";

export type PageCoding = "identity" | "gzip" | "br" | "zstd";

/** One form of a page or of the list, ready to be written. Shared by all answers: nobody changes it. */
export interface Representation {
  readonly bytes: Uint8Array;
  /** With quotes, strong: one form, one tag. */
  readonly etag: string;
  /** What a 304 repeats: etag, vary, cache-control. */
  readonly validatorLines: string;
  /** Those, type and coding. */
  readonly headerLines: string;
}

/** How an answer came about: what counters and the x-cache line tell. */
export type CacheOutcome = "hit" | "revalidated" | "miss" | "stale";

export interface Represented {
  readonly representation: Representation;
  readonly outcome: CacheOutcome;
}

export interface FoundArtifact {
  readonly artifact: Artifact;
  /** Set when the policy withholds it; in shadow mode only for the index's sake (quarantine). */
  readonly hiddenBy: HidingRule | null;
  /** Set in shadow mode when the policy would withhold it: for the counters. */
  readonly wouldHide: HidingRule | null;
}

/** "" is the list of all projects. */
export type PageName = string;

export interface Pages {
  /** The prepared form, when it may be used this very moment: no await on the hot path. */
  prepared(page: PageName, format: PageFormat, coding: PageCoding): Representation | null;
  /** Asks upstream where that is due, renders where needed; one of each at a time however many ask. */
  represent(page: PageName, format: PageFormat, coding: PageCoding): Promise<Result<Represented, MirrorFailure>>;
  /** What `find` would say at once, when it is known this very moment. */
  found(project: string, filename: string, kind: ArtifactKind): FoundArtifact | null;
  /**
   * By the page that is kept, whatever its age; upstream is asked only when that has no such file. `filename` is that of the
   * distribution, without the suffix of its kind. Anew: whatever was found before.
   */
  find(project: string, filename: string, kind: ArtifactKind, isAnew?: boolean): Promise<Result<FoundArtifact, MirrorFailure>>;
  /** What the policy does to a project, for /explain. */
  explain(project: string): Promise<Result<ProjectExplanation, MirrorFailure>>;
  /** All of a project's page, whatever the policy hides: for bundles. With `mayAsk` false what is kept, and null when nothing is. */
  whole(project: string, mayAsk: boolean): Promise<Result<WholePage | null, MirrorFailure>>;
  /** Takes the place of the kept page; known to clients as soon as it resolves. Fails where the database can't take it. */
  adopt(page: WholePage): Promise<Result<void, StoreFault>>;
  /** The next request asks upstream again. True when something was known. */
  forget(page: PageName): Promise<boolean>;
  readonly totals: PagesTotals;
  close(): Promise<void>;
}

export interface WholePage {
  /** Name of the index that it is from. */
  readonly index: string;
  readonly fetchedAtMs: number;
  readonly page: ProjectPage;
}

export interface ProjectExplanation {
  readonly project: string;
  /** Which index owns the name, and why; for "bundle" the one that the bundle was made from. */
  readonly index: { readonly name: string; readonly because: "pin" | "packages" | "first" | "bundle" };
  readonly mode: "enforce" | "shadow";
  readonly fetchedAtMs: number;
  readonly versions: readonly VersionExplanation[];
}

export interface VersionExplanation {
  readonly version: string;
  readonly files: readonly {
    readonly filename: string;
    readonly uploadTime: string | null;
    readonly yanked: boolean | string;
    readonly hiddenBy: HidingRule | null;
  }[];
}

export interface PagesTotals {
  readonly preparedCount: number;
  readonly preparedBytes: number;
  /** 0 until the first request for a page opens the database. */
  readonly projectCount: number;
}
