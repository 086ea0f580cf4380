/**
 * Found files: what `find` said of files that were asked for, so that a
 * download of a warm file takes no turn to the page thread. An entry stands
 * while its page doesn't change, and until the policy shows more. Bounded by
 * count: the projects go first whose files were found longest ago.
 */
import type { ArtifactKind } from "../artifact.ts";
import type { FoundArtifact } from "./pages.ts";

/** About 700 bytes each. */
const FILES_MAX = 10_000;

interface FoundFile {
  readonly found: FoundArtifact;
  readonly revision: number;
  readonly foundAtMs: number;
  readonly untilMs: number;
}

export class FoundFiles {
  /** Insertion order is order of use. */
  readonly #projects = new Map<string, Map<string, FoundFile>>();
  #count = 0;

  get(project: string, filename: string, kind: ArtifactKind, revision: number, nowMs: number): FoundArtifact | null {
    const entry = this.#projects.get(project)?.get(keyOf(filename, kind));
    if (entry === undefined || entry.revision !== revision) return null;
    // With the clock put back, the time of `untilMs` may come sooner than it seems: judged anew, it can't be wrong.
    return nowMs >= entry.foundAtMs && nowMs < entry.untilMs ? entry.found : null;
  }

  put(project: string, filename: string, found: FoundArtifact, revision: number, nowMs: number): void {
    const files = this.#projects.get(project) ?? new Map<string, FoundFile>();
    this.#projects.delete(project);
    this.#projects.set(project, files);
    const key = keyOf(filename, found.artifact.kind);
    if (!files.has(key)) this.#count++;
    const { untilMs } = found.hiddenBy ?? found.wouldHide ?? { untilMs: null };
    files.set(key, { found, revision, foundAtMs: nowMs, untilMs: untilMs ?? Number.POSITIVE_INFINITY });
    for (const oldest of this.#projects.keys()) {
      if (this.#count <= FILES_MAX) break;
      this.drop(oldest);
    }
  }

  /** The project's page is another now. */
  drop(project: string): void {
    this.#count -= this.#projects.get(project)?.size ?? 0;
    this.#projects.delete(project);
  }
}

/** No file name holds a slash. */
function keyOf(filename: string, kind: ArtifactKind): string {
  return `${kind}/${filename}`;
}
