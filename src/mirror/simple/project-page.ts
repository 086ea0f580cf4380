/**
 * Project page: what an index says of one project, in one form whatever form
 * it came in. Fields after PEP 503, 592, 658/714, 691, 700, 708, 740 and 792.
 * Plain data: it crosses threads.
 */
export interface ProjectPage {
  /** Normalised (PEP 503). */
  readonly name: string;
  /** In upstream's order; a file name occurs once, the first of several counts. */
  readonly files: readonly ProjectFile[];
  /** As upstream lists them (PEP 700), else those that the file names tell, each once. */
  readonly versions: readonly string[];
  /** PEP 792; null where upstream says nothing, which means "active". */
  readonly status: { readonly state: string; readonly reason: string | null } | null;
  /** PEP 708: addresses without credentials. */
  readonly tracks: readonly string[];
  readonly alternateLocations: readonly string[];
  /** `_last-serial`, where upstream has it. */
  readonly lastSerial: number | null;
}

export interface ProjectFile {
  readonly filename: string;
  /** Absolute and without fragment. Never shown to a client. */
  readonly url: string;
  /** By algorithm in its one spelling ("sha256", digests.ts), in lower-case hexadecimal. */
  readonly hashes: Readonly<Record<string, string>>;
  readonly requiresPython: string | null;
  readonly sizeBytes: number | null;
  /** RFC 3339 as upstream wrote it (PEP 700); null where it doesn't say. */
  readonly uploadTime: string | null;
  /** False, or true without a reason, or the reason. */
  readonly yanked: boolean | string;
  /** PEP 714: whether `{url}.metadata` exists, and its hashes where they are told. */
  readonly coreMetadata: boolean | Readonly<Record<string, string>>;
  /** Whether `{url}.asc` exists; null where upstream doesn't say. */
  readonly gpgSignature: boolean | null;
  /** PEP 740: absolute address of the provenance. Never shown to a client. */
  readonly provenance: string | null;
}

/** Names of all projects of an index, as it spells them. */
export interface ProjectList {
  readonly names: readonly string[];
  readonly lastSerial: number | null;
}
