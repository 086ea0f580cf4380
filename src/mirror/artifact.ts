/**
 * Artifact: one thing a client can download, and what is known of it before a
 * byte has come: a distribution, its metadata (PEP 658), its provenance
 * (PEP 740) or its signature. All four take the same way through the mirror.
 */
import type { FolderPlace } from "./packages/folder-url.ts";

export type ArtifactKind = "file" | "metadata" | "provenance" | "signature";

/** The counters' and the store's idea of a kind. */
export const ARTIFACT_SUFFIX: Readonly<Record<ArtifactKind, string>> = {
  file: "",
  metadata: ".metadata",
  provenance: ".provenance",
  signature: ".asc",
};

export interface Artifact {
  readonly kind: ArtifactKind;
  /** Normalised. */
  readonly project: string;
  /** As asked for, suffix included. */
  readonly filename: string;
  readonly source:
    | { readonly kind: "index" /** Of MirrorConfig.indexes. */; readonly index: string; readonly url: string }
    /** Of the folder of packages: served from where it lies. */
    | ({ readonly kind: "folder" } & FolderPlace);
  /** What the content must have: by algorithm, hexadecimal. Empty where upstream tells none. */
  readonly hashes: Readonly<Record<string, string>>;
  readonly sizeBytes: number | null;
}
