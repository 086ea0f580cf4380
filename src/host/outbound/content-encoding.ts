/**
 * Content decoding of fetched bodies, RFC 9110 section 8.4: what the server
 * compressed, the guest reads plain. A coding we don't know leaves the body as
 * it is, as the Fetch standard has it.
 */
import type { Readable } from "node:stream";
import { builtin } from "../../base/builtin.ts";
import { reserveCodec } from "./codec-budget.ts";
import type { OutboundContext } from "./outbound-context.ts";

/** A body coded more often than this is an attack, not a body. */
const CODINGS_MAX = 5;

const DECODERS = {
  gzip: ["gzip", () => builtin.zlib.createGunzip()],
  "x-gzip": ["gzip", () => builtin.zlib.createGunzip()],
  deflate: ["deflate", () => builtin.zlib.createInflate()],
  br: ["brotli", () => builtin.zlib.createBrotliDecompress()],
} as const;

export function decodeBody(context: OutboundContext, body: Readable, contentEncoding: string): Readable {
  const codings = contentEncoding
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
  if (codings.length > CODINGS_MAX || !codings.every((coding) => coding in DECODERS)) return body;
  // The last coding was applied last: undo in reverse.
  return codings.reverse().reduce((source: Readable, coding) => {
    const [format, create] = DECODERS[coding as keyof typeof DECODERS];
    const release = reserveCodec(context, "decompress", format);
    // An error destroys both ends; whoever reads the decoded body sees it there.
    return builtin.stream.pipeline(source, create(), () => release());
  }, body);
}
