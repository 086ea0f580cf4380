/**
 * Representation: rendered and coded bytes with the header lines that go with
 * them, made once and written thousands of times. Pure.
 */
import type { CodedBytes, PageBody } from "./coded-bytes.ts";
import type { PageCoding, PageFormat, Representation } from "./pages.ts";

interface FormatForm {
  readonly body: PageBody;
  readonly contentType: string;
  /** Ends the entity tag: two of the formats are the same bytes, and a strong tag means one of them. */
  readonly tagEnd: string;
}

export const FORMATS: Readonly<Record<PageFormat, FormatForm>> = {
  json: { body: "json", contentType: "application/vnd.pypi.simple.v1+json", tagEnd: "" },
  html: { body: "html", contentType: "application/vnd.pypi.simple.v1+html", tagEnd: "" },
  "text-html": { body: "html", contentType: "text/html; charset=utf-8", tagEnd: "-t" },
};

export function representationOf({ bytes, tag }: CodedBytes, format: PageFormat, coding: PageCoding): Representation {
  const { contentType, tagEnd } = FORMATS[format];
  const etag = `"${tag}${tagEnd}"`;
  // no-cache: a client may keep it, and asks each time, which a 304 makes cheap. The mirror alone knows how fresh it is.
  const validatorLines = `vary: Accept, Accept-Encoding\r\netag: ${etag}\r\ncache-control: no-cache\r\n`;
  const codingLine = coding === "identity" ? "" : `content-encoding: ${coding}\r\n`;
  return { bytes, etag, validatorLines, headerLines: `content-type: ${contentType}\r\n${validatorLines}${codingLine}` };
}
