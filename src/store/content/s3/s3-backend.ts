/**
 * S3 backend: an object for each content, under its hash. Several mirrors may
 * share a bucket: what another one put is found by its name; each evicts what
 * it put itself by its own uses, so something that another mirror reads may go,
 * and is fetched anew then. Nothing is read again in the background: services
 * verify what they keep, and reading is paid for; what is suspected is read.
 */
import { RecentMap } from "../../../base/recent-map.ts";
import { fail, ok, type Result } from "../../../base/result.ts";
import { SECOND_MS } from "../../../base/units.ts";
import type { StoreFault } from "../../store-fault.ts";
import { guarded } from "../content-fault.ts";
import { filePlace } from "../content-places.ts";
import type { ContentBackend, ContentReader, PlacedContent } from "../content-store.ts";
import { openFileReader } from "../file-reader.ts";
import type { ContentLog } from "../kept-content.ts";
import { OpenReaders } from "../open-readers.ts";
import type { S3Storage } from "./s3-address.ts";
import { S3_TUNING, S3Client, type S3Tuning } from "./s3-client.ts";
import { answered, explain } from "./s3-failure.ts";
import { S3Reader } from "./s3-reader.ts";
import { abandonUpload, type UploadTools, upload } from "./s3-upload.ts";

/** An object that was seen just now is not looked for again before it is read. */
const SEEN_FOR_MS = 5 * SECOND_MS;
const SEEN_MAX = 10_000;
/** Later than the first answers: the first request loads an HTTP client. */
const PROBE_AFTER_MS = SECOND_MS;

export interface S3BackendOptions {
  readonly storage: S3Storage;
  readonly notes: UploadTools["notes"];
  readonly tuning: S3Tuning | undefined;
  readonly log: ContentLog;
}

export class S3Backend implements ContentBackend {
  readonly isShared = true;
  readonly isRechecked = false;
  readonly #client: S3Client;
  readonly #tools: UploadTools;
  readonly #log: ContentLog;
  readonly #probe: NodeJS.Timeout;
  /** Places where something was seen just now. */
  readonly #seen = new RecentMap<string, true>({ countMax: SEEN_MAX, ageMaxMs: SEEN_FOR_MS });
  readonly #readers = new OpenReaders();
  #isClosed = false;

  constructor({ storage, notes, tuning = S3_TUNING, log }: S3BackendOptions) {
    this.#client = new S3Client(storage, tuning);
    this.#tools = { client: this.#client, notes };
    this.#log = log;
    this.#probe = setTimeout(() => void this.#tellIfUnusable(), PROBE_AFTER_MS).unref();
  }

  async choosePlace(sha256: string): Promise<Result<string, StoreFault>> {
    return ok(filePlace(sha256));
  }

  async adopt(content: PlacedContent, partialPath: string): Promise<Result<boolean, StoreFault>> {
    const opened = await guarded(`Cannot read ${partialPath}`, () => openFileReader(partialPath, ({ size }) => size === content.sizeBytes));
    if (!opened.ok) return opened;
    const file = opened.value;
    if (file === null) {
      const message = `Cannot keep ${partialPath}: it has not the ${content.sizeBytes} bytes that were written. Something else changes files there`;
      return fail({ code: "STORAGE_FAILED", message });
    }
    try {
      const done = await upload(this.#tools, content, file);
      if (done.ok) this.#seen.set(content.place, true);
      return done.ok ? ok(true) : done;
    } finally {
      await file.close();
    }
  }

  /** An object is there whole or not at all, and the service has checked its hash. */
  async hasArrived({ sha256, sizeBytes }: PlacedContent): Promise<Result<boolean, StoreFault>> {
    const found = await this.lookUp(sha256);
    return found.ok ? ok(found.value?.sizeBytes === sizeBytes) : found;
  }

  async open(content: PlacedContent): Promise<Result<ContentReader | null, StoreFault>> {
    if (this.#seen.peek(content.place) === undefined) {
      const found = await this.lookUp(content.sha256);
      if (!found.ok || found.value === null) return found.ok ? ok(null) : found;
      if (found.value.sizeBytes !== content.sizeBytes) return this.#drop(content, found.value.sizeBytes);
    }
    const failed = () => this.#seen.delete(content.place);
    return ok(new S3Reader(this.#client, content, { failed, closed: this.#readers.add(content.place) }));
  }

  async lookUp(sha256: string): Promise<Result<PlacedContent | null, StoreFault>> {
    const place = filePlace(sha256);
    this.#seen.delete(place);
    const sent = await this.#client.sendForText({ method: "HEAD", place, accepts: [200, 404] });
    if (!sent.ok) return fail(explain(`look for ${sha256}`, sent.failure, this.#client.storage));
    const { statusCode, headers } = sent.value.answer;
    if (statusCode === 404) return ok(null);
    const sizeBytes = Number(headers["content-length"] ?? Number.NaN);
    if (!Number.isSafeInteger(sizeBytes)) {
      const failure = answered(statusCode, { code: "NoLength", message: "the answer has no content-length" });
      return fail(explain(`look for ${sha256}`, failure, this.#client.storage));
    }
    this.#seen.set(place, true);
    return ok({ sha256, place, sizeBytes });
  }

  /** A reader asks for its ranges one after the other. */
  released(place: string): Promise<void> | null {
    return this.#readers.gone(place);
  }

  async remove(place: string): Promise<Result<void, StoreFault>> {
    this.#seen.delete(place);
    const sent = await this.#client.sendForText({ method: "DELETE", place, accepts: [204, 200] });
    if (sent.ok || sent.failure.code === "NoSuchKey") return ok(undefined);
    return fail(explain(`remove ${place}`, sent.failure, this.#client.storage));
  }

  /** Nothing is kept aside in a bucket. */
  async move(): Promise<Result<boolean, StoreFault>> {
    return ok(false);
  }

  abandon(uploadId: string, place: string): Promise<Result<void, StoreFault>> {
    return abandonUpload(this.#client, uploadId, place);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#probe);
    await this.#client.close();
  }

  /** Nobody verified that. Left there it would be found by its name. */
  async #drop({ sha256, place, sizeBytes }: PlacedContent, foundBytes: number): Promise<Result<null, StoreFault>> {
    this.#log("error", "An object in the bucket is not what was put there, and was removed", { sha256, sizeBytes, foundBytes });
    const removed = await this.remove(place);
    return removed.ok ? ok(null) : removed;
  }

  /** At the start, so that wrong keys are not first met by a user; the mirror serves all the same. */
  async #tellIfUnusable(): Promise<void> {
    const sent = await this.#client.sendForText({ method: "HEAD", place: null, accepts: [200] });
    if (sent.ok || this.#isClosed) return;
    const failure = sent.failure.status === 404 ? { ...sent.failure, code: "NoSuchBucket" } : sent.failure;
    this.#log("error", "Files can't be kept", { reason: explain("keep files", failure, this.#client.storage).message });
  }
}
