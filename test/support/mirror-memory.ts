/**
 * A mirror in memory, as bundles see one: pages, content by hash, and an
 * upstream that is asked for what isn't kept. Counts what it was asked.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, ok } from "../../src/base/result.ts";
import { sha256 } from "../../src/base/sha256.ts";
import type { BundledKind, BundleSource, BundleTarget } from "../../src/mirror/bundle/bundle-source.ts";
import type { WholePage } from "../../src/mirror/pages/pages.ts";
import type { ProjectFile, ProjectPage } from "../../src/mirror/simple/project-page.ts";
import type { ContentReader } from "../../src/store/content/content-store.ts";

export interface Published {
  readonly filename: string;
  readonly content: string;
  readonly metadata?: string;
  readonly changes?: Partial<ProjectFile>;
}

export function pageOf(name: string, files: readonly Published[]): ProjectPage {
  return {
    name,
    files: files.map(({ filename, content, metadata, changes }) => ({
      filename,
      url: `http://files.example/${filename}`,
      hashes: { sha256: sha256(content) },
      requiresPython: ">=3.8",
      sizeBytes: Buffer.byteLength(content),
      uploadTime: "2026-01-01T00:00:00Z",
      yanked: false,
      coreMetadata: metadata === undefined ? false : { sha256: sha256(metadata) },
      gpgSignature: null,
      provenance: `http://files.example/${filename}.provenance`,
      ...changes,
    })),
    versions: [],
    status: null,
    tracks: [],
    alternateLocations: [],
    lastSerial: 7,
  };
}

export class MemoryMirror implements BundleSource, BundleTarget {
  maxBytes: number | null = null;
  readonly pages = new Map<string, WholePage>();
  /** By hash. */
  readonly contents = new Map<string, Buffer>();
  /** "file demo-1.0.whl" to what upstream would send for it. */
  readonly upstream = new Map<string, Buffer>();
  readonly upstreamPages = new Map<string, WholePage>();
  upstreamRequests = 0;
  openReaders = 0;
  commits = 0;
  /** What happened, in order: "commit <hash>", "page <project>". */
  readonly events: string[] = [];
  /** Called before each commit: tests make a store fail by it. */
  onCommit: () => void = () => {};
  readonly #dir = mkdtempSync(join(tmpdir(), "pilotlight-memory-"));
  #partialCount = 0;

  publish(name: string, files: readonly Published[], changes: Partial<ProjectPage> = {}): void {
    this.upstreamPages.set(name, { index: "index-1", fetchedAtMs: 1_000, page: { ...pageOf(name, files), ...changes } });
    for (const { filename, content, metadata } of files) {
      this.upstream.set(`file ${filename}`, Buffer.from(content));
      if (metadata !== undefined) this.upstream.set(`metadata ${filename}`, Buffer.from(metadata));
    }
  }

  async page(project: string, mayAsk: boolean) {
    if (mayAsk && !this.pages.has(project)) {
      this.upstreamRequests++;
      const found = this.upstreamPages.get(project);
      if (found === undefined) return fail({ code: "NO_SUCH_PROJECT", project } as const);
      this.pages.set(project, found);
    }
    return ok(this.pages.get(project) ?? null);
  }

  async open(project: string, file: ProjectFile, kind: BundledKind, mayAsk: boolean) {
    const promised = kind === "file" ? file.hashes : typeof file.coreMetadata === "boolean" ? {} : file.coreMetadata;
    let digest = promised["sha256"];
    if (mayAsk && (digest === undefined || !this.contents.has(digest))) {
      this.upstreamRequests++;
      const bytes = this.upstream.get(`${kind} ${file.filename}`);
      if (bytes === undefined) return fail({ code: "NO_SUCH_FILE", project, filename: file.filename } as const);
      digest = sha256(bytes);
      this.contents.set(digest, bytes);
    }
    const bytes = digest === undefined ? undefined : this.contents.get(digest);
    return ok(bytes === undefined ? null : { sha256: digest!, reader: this.#reader(bytes) });
  }

  async has(digest: string) {
    return ok(this.contents.has(digest));
  }

  async begin() {
    const path = join(this.#dir, String(this.#partialCount++));
    return ok({ path, discard: async () => rmSync(path, { force: true }) });
  }

  async commit(partial: { readonly path: string }, content: { readonly sha256: string }) {
    try {
      this.onCommit();
    } catch (error) {
      return fail({ code: "STORAGE_FULL", message: (error as Error).message } as const);
    }
    this.commits++;
    this.events.push(`commit ${content.sha256}`);
    this.contents.set(content.sha256, readFileSync(partial.path));
    rmSync(partial.path);
    return ok(undefined);
  }

  async keptPage(project: string) {
    return ok(this.pages.get(project) ?? null);
  }

  async keepPage(page: WholePage) {
    this.events.push(`page ${page.page.name}`);
    this.pages.set(page.page.name, page);
    return ok(undefined);
  }

  close(): void {
    rmSync(this.#dir, { recursive: true });
  }

  #reader(bytes: Buffer): ContentReader {
    this.openReaders++;
    return {
      sizeBytes: bytes.length,
      fd: null,
      stream: async function* (start, end) {
        const CHUNK_BYTES = 1_000;
        for (let at = start; at < end; at += CHUNK_BYTES) yield bytes.subarray(at, Math.min(end, at + CHUNK_BYTES));
      },
      close: async () => void this.openReaders--,
    };
  }
}
