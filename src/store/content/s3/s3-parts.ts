/**
 * Parts of one upload: a few side by side, each signed with its own hash, then
 * the list of them. The first part that fails ends it. Whoever made it ends the
 * upload at the service.
 */
import { createHash } from "node:crypto";
import { assert } from "../../../base/assert.ts";
import { atOnce } from "../../../base/at-once.ts";
import { fail, ok, type Result } from "../../../base/result.ts";
import type { StoreFault } from "../../store-fault.ts";
import { digestOf } from "../content-digest.ts";
import type { ContentReader, PlacedContent } from "../content-store.ts";
import type { S3Client } from "./s3-client.ts";
import { answered, explain, type S3Failure } from "./s3-failure.ts";
import { completionOf, errorIn, type UploadedPart } from "./s3-xml.ts";

/** Each takes one connection, and a piece of memory. */
const PARTS_AT_ONCE = 4;

export interface PartsUploadOptions {
  readonly client: S3Client;
  readonly content: PlacedContent;
  readonly file: ContentReader;
  readonly partBytes: number;
  readonly uploadId: string;
}

export class PartsUpload {
  readonly #options: PartsUploadOptions;
  readonly #parts: UploadedPart[] = [];
  #fault: StoreFault | null = null;

  constructor(options: PartsUploadOptions) {
    this.#options = options;
  }

  async run(): Promise<Result<void, StoreFault>> {
    const { content, partBytes } = this.#options;
    const count = Math.ceil(content.sizeBytes / partBytes);
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    await atOnce(PARTS_AT_ONCE, numbers, async (number) => {
      if (this.#fault !== null) return;
      const sent = await this.#send(number);
      if (sent.ok) this.#parts.push(sent.value);
      else this.#fault ??= sent.failure;
    });
    if (this.#fault !== null) return fail(this.#fault);
    assert(this.#parts.length === count, "a part is neither sent nor failed");
    this.#parts.sort((one, other) => one.number - other.number);
    return this.#complete();
  }

  async #send(number: number): Promise<Result<UploadedPart, StoreFault>> {
    const { client, content, file, partBytes, uploadId } = this.#options;
    const start = (number - 1) * partBytes;
    const end = Math.min(content.sizeBytes, start + partBytes);
    // Read twice, the second time from the system's cache: memory never holds a part.
    const digest = await digestOf(file, start, end);
    if (!digest.ok) return digest;
    const body = { sha256: digest.value!, sizeBytes: end - start, bytes: () => file.stream(start, end) };
    const query = { partNumber: String(number), uploadId };
    const sent = await client.sendForText({ method: "PUT", place: content.place, query, body, accepts: [200] });
    if (!sent.ok) return fail(this.#explained(sent.failure));
    const { etag } = sent.value.answer.headers;
    if (typeof etag === "string") return ok({ number, etag });
    return fail(this.#explained(answered(200, { code: "NoETag", message: "the answer has no tag" })));
  }

  async #complete(): Promise<Result<void, StoreFault>> {
    const { client, content, uploadId } = this.#options;
    const bytes = Buffer.from(completionOf(this.#parts));
    const body = { sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex"), bytes: () => bytes };
    const sent = await client.sendForText({ method: "POST", place: content.place, query: { uploadId }, body, accepts: [200] });
    const failure = sent.ok ? failureIn(sent.value.text) : sent.failure;
    // An attempt whose answer was lost may have done it: the next one finds no upload then.
    if (failure === null || (failure.code === "NoSuchUpload" && (await this.#isThere()))) return ok(undefined);
    return fail(this.#explained(failure));
  }

  async #isThere(): Promise<boolean> {
    const { client, content } = this.#options;
    const found = await client.sendForText({ method: "HEAD", place: content.place, accepts: [200] });
    return found.ok && found.value.answer.headers["content-length"] === String(content.sizeBytes);
  }

  #explained(failure: S3Failure): StoreFault {
    return explain(`store ${this.#options.content.sha256}`, failure, this.#options.client.storage);
  }
}

/** The status was sent before the outcome was known. */
function failureIn(text: string): S3Failure | null {
  const error = errorIn(text);
  return error === null ? null : answered(200, error);
}
