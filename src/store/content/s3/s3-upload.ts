/**
 * S3 uploads: one request for what is no larger than a part, else parts. The
 * service checks each body against the SHA-256 it was signed with, so what lies
 * there afterwards is what was verified here. An upload in parts is in the
 * catalogue from its first part to its end: parts that a death leaves would be
 * paid for, and are invisible.
 */
import { fail, ok, type Result } from "../../../base/result.ts";
import type { StoreFault } from "../../store-fault.ts";
import type { Catalogue } from "../catalogue.ts";
import type { ContentReader, PlacedContent } from "../content-store.ts";
import type { S3Client } from "./s3-client.ts";
import { answered, explain } from "./s3-failure.ts";
import { PartsUpload } from "./s3-parts.ts";
import { uploadIdIn } from "./s3-xml.ts";

/** What the protocol allows. */
const PARTS_MAX = 10_000;

export interface UploadTools {
  readonly client: S3Client;
  readonly notes: Pick<Catalogue, "note" | "countGone">;
}

export function partBytesFor(sizeBytes: number, wantedBytes: number): number {
  return Math.max(wantedBytes, Math.ceil(sizeBytes / PARTS_MAX));
}

export async function upload(tools: UploadTools, content: PlacedContent, file: ContentReader): Promise<Result<void, StoreFault>> {
  const { storage } = tools.client;
  const { sha256, sizeBytes, place } = content;
  const partBytes = partBytesFor(sizeBytes, storage.partBytes);
  if (sizeBytes > partBytes) return uploadInParts(tools, content, file, partBytes);
  const body = { sha256, sizeBytes, bytes: () => (sizeBytes === 0 ? new Uint8Array(0) : file.stream(0, sizeBytes)) };
  const sent = await tools.client.sendForText({ method: "PUT", place, body, accepts: [200] });
  return sent.ok ? ok(undefined) : fail(explain(`store ${sha256}`, sent.failure, storage));
}

/** Nothing to end is a success. */
export async function abandonUpload(client: S3Client, uploadId: string, place: string): Promise<Result<void, StoreFault>> {
  const sent = await client.sendForText({ method: "DELETE", place, query: { uploadId }, accepts: [204, 200] });
  if (sent.ok || sent.failure.code === "NoSuchUpload") return ok(undefined);
  return fail(explain("end an upload", sent.failure, client.storage));
}

async function uploadInParts(
  { client, notes }: UploadTools,
  content: PlacedContent,
  file: ContentReader,
  partBytes: number,
): Promise<Result<void, StoreFault>> {
  const { sha256, place, sizeBytes } = content;
  const begun = await client.sendForText({ method: "POST", place, query: { uploads: "" }, accepts: [200] });
  if (!begun.ok) return fail(explain(`store ${sha256}`, begun.failure, client.storage));
  const uploadId = uploadIdIn(begun.value.text);
  if (uploadId === null) {
    const failure = answered(200, { code: "NoUploadId", message: "the answer names no upload" });
    return fail(explain(`store ${sha256}`, failure, client.storage));
  }
  const noted = await notes.note({ place: uploadId, state: "upload", sha256, sizeBytes, origin: place });
  const done = noted.ok ? await new PartsUpload({ client, content, file, partBytes, uploadId }).run() : noted;
  const ended = done.ok ? done : await abandonUpload(client, uploadId, place);
  if (ended.ok) notes.countGone(uploadId);
  return done;
}
