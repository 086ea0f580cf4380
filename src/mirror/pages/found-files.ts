/**
 * Found files: what `find` said of files that were asked for, so that a
 * download of a warm file takes no turn to the page thread. An entry stands
 * while its page doesn't change, and until the policy shows more. Bounded by
 * count and by what the entries hold, because an index chooses how long its
 * addresses are: the projects go first whose files were found longest ago.
 */
import { KIB, MIB } from "../../base/units.ts";
import type { ArtifactKind } from "../artifact.ts";
import type { FoundArtifact } from "./pages.ts";

const FILES_MAX = 10_000;
const HELD_MAX_BYTES = 16 * MIB;
/** Of an entry beside its texts: objects, places in maps, digests. */
const ENTRY_COST_BYTES = KIB;

interface FoundFile {
  readonly found: FoundArtifact;
  readonly revision: number;
  readonly foundAtMs: number;
  readonly untilMs: number;
  readonly sizeBytes: number;
}

export class FoundFiles {
  /** Insertion order is order of use. */
  readonly #projects = new Map<string, Map<string, FoundFile>>();
  #count = 0;
  #heldBytes = 0;

  get(project: string, filename: string, kind: ArtifactKind, revision: number, nowMs: number): FoundArtifact | null {
    const entry = this.#projects.get(project)?.get(keyOf(filename, kind));
    if (entry === undefined || entry.revision !== revision) return null;
    // With the clock put back, the time of `untilMs` may come sooner than it seems: judged anew, it can't be wrong.
    return nowMs >= entry.foundAtMs && nowMs < entry.untilMs ? entry.found : null;
  }

  /** `kind` is what was asked for: what was found may be a file that is listed under that name. */
  put(project: string, filename: string, kind: ArtifactKind, found: FoundArtifact, revision: number, nowMs: number): void {
    const files = this.#projects.get(project) ?? new Map<string, FoundFile>();
    this.#projects.delete(project);
    this.#projects.set(project, files);
    const key = keyOf(filename, kind);
    const replaced = files.get(key);
    if (replaced === undefined) this.#count++;
    const { untilMs } = found.hiddenBy ?? found.wouldHide ?? { untilMs: null };
    const sizeBytes = sizeOf(found, key);
    this.#heldBytes += sizeBytes - (replaced?.sizeBytes ?? 0);
    files.set(key, { found, revision, foundAtMs: nowMs, untilMs: untilMs ?? Number.POSITIVE_INFINITY, sizeBytes });
    for (const oldest of this.#projects.keys()) {
      if (this.#count <= FILES_MAX && this.#heldBytes <= HELD_MAX_BYTES) break;
      this.drop(oldest);
    }
  }

  /** The project's page is another now. */
  drop(project: string): void {
    const files = this.#projects.get(project);
    if (files === undefined) return;
    this.#count -= files.size;
    for (const { sizeBytes } of files.values()) this.#heldBytes -= sizeBytes;
    this.#projects.delete(project);
  }
}

/** No file name holds a slash. */
function keyOf(filename: string, kind: ArtifactKind): string {
  return `${kind}/${filename}`;
}

/** At most, as V8 keeps texts: two bytes a character. */
function sizeOf({ artifact, hiddenBy, wouldHide }: FoundArtifact, key: string): number {
  const { filename, source } = artifact;
  const address = source.kind === "index" ? source.url : source.path;
  const reason = (hiddenBy ?? wouldHide)?.reason ?? "";
  return ENTRY_COST_BYTES + 2 * (key.length + filename.length + address.length + reason.length);
}
