/**
 * DELETE of one file: its content, its metadata, provenance and signature go
 * together, whether the policy hides them or not. Asked of what is kept, so
 * that it works while the index is down; refused, then, because the copies
 * could not be had again, unless whoever asks means just that. Content that
 * the page lists under another name, too, goes with it, so that name is asked
 * for as well.
 */
import { ARTIFACT_SUFFIX, type ArtifactKind } from "../artifact.ts";
import type { MirrorFailure } from "../failures.ts";
import type { FileAnswers } from "../files/file-answers.ts";
import { lastCopy } from "../files/last-copy.ts";
import type { MirrorParts } from "../mirror-parts.ts";
import { isFolderUrl } from "../packages/folder-url.ts";
import { artifactOfFile } from "../pages/artifact-of-file.ts";

/** Each is a request; who lists one content under more names has lost nothing that it would miss. */
const SHARING_MAX = 20;

export async function dropFile(
  parts: MirrorParts,
  files: FileAnswers,
  { project, filename }: { readonly project: string; readonly filename: string },
  isForced: boolean,
): Promise<MirrorFailure | null> {
  const whole = await parts.pages.whole(project, false);
  if (!whole.ok) return whole.failure;
  const file = whole.value?.page.files.find((one) => one.filename === filename);
  if (whole.value === null || file === undefined) return { code: "NO_SUCH_FILE", project, filename };
  const index = isFolderUrl(file.url) ? null : whole.value.index;
  const kinds = Object.keys(ARTIFACT_SUFFIX) as ArtifactKind[];
  const artifacts = kinds.flatMap((kind) => artifactOfFile(project, file, kind, index) ?? []);
  if (!isForced) {
    // All of them before any: half of a file is of no use.
    const others = whole.value.page.files.filter((one) => one !== file);
    const hashes = new Set(artifacts.map(({ hashes }) => hashes["sha256"]).filter((hash) => hash !== undefined));
    const shared = others.flatMap((one) => kinds.flatMap((kind) => artifactOfFile(project, one, kind, index) ?? []));
    const sharing = shared.filter((one) => one.hashes["sha256"] !== undefined && hashes.has(one.hashes["sha256"]));
    for (const artifact of [...artifacts, ...sharing.slice(0, SHARING_MAX)]) {
      const last = await lastCopy(parts, artifact);
      if (last !== null) return last;
    }
  }
  for (const artifact of artifacts) {
    const failure = await files.drop(artifact);
    if (failure !== null) return failure;
  }
  return null;
}
