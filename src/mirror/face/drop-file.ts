/**
 * DELETE of one file: its content, its metadata, provenance and signature go
 * together, whether the policy hides them or not. Asked of what is kept, so
 * that it works while the index is down; refused, then, because the copies
 * could not be had again, unless whoever asks means just that.
 */
import { ARTIFACT_SUFFIX, type ArtifactKind } from "../artifact.ts";
import type { MirrorFailure } from "../failures.ts";
import type { FileAnswers } from "../files/file-answers.ts";
import { lastCopy } from "../files/last-copy.ts";
import type { MirrorParts } from "../mirror-parts.ts";
import { isFolderUrl } from "../packages/folder-url.ts";
import { artifactOfFile } from "../pages/artifact-of-file.ts";

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
    for (const artifact of artifacts) {
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
