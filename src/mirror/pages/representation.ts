/**
 * Representation: rendered and coded bytes with the header lines that go with
 * them, made once and written thousands of times. Pure.
 */
import { FORMATS, type PageFormat } from "../simple/format.ts";
import type { CodedBytes } from "./coded-bytes.ts";
import type { PageCoding, Representation } from "./pages.ts";

export function representationOf({ bytes, tag }: CodedBytes, format: PageFormat, coding: PageCoding): Representation {
  const { contentType, tagEnd } = FORMATS[format];
  const etag = `"${tag}${tagEnd}"`;
  // no-cache: a client may keep it, and asks each time, which a 304 makes cheap. The mirror alone knows how fresh it is.
  const validatorLines = `vary: Accept, Accept-Encoding\r\netag: ${etag}\r\ncache-control: no-cache\r\n`;
  const codingLine = coding === "identity" ? "" : `content-encoding: ${coding}\r\n`;
  return { bytes, etag, validatorLines, headerLines: `content-type: ${contentType}\r\n${validatorLines}${codingLine}` };
}
