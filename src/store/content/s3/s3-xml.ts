/**
 * The few XML documents of S3 that are read or written here: an error, the id
 * of an upload in parts, and the list of its parts. Texts of known elements are
 * taken out; what the documents hold besides is nobody's business.
 */

export interface S3ErrorText {
  readonly code: string;
  readonly message: string;
}

export interface UploadedPart {
  /** Counts from 1. */
  readonly number: number;
  /** As the service gave it, with quotes. */
  readonly etag: string;
}

/** An answer with status 200 may hold an error, too, where the service began to answer before it was done. */
export function errorIn(xml: string): S3ErrorText | null {
  const error = /<Error[\s>]([\s\S]*)/.exec(xml)?.[1];
  const code = error === undefined ? null : textOf(error, "Code");
  return code === null ? null : { code, message: textOf(error!, "Message") ?? "" };
}

export function uploadIdIn(xml: string): string | null {
  const id = textOf(xml, "UploadId");
  return id === "" ? null : id;
}

export function completionOf(parts: readonly UploadedPart[]): string {
  const list = parts.map(({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`);
  return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list.join("")}</CompleteMultipartUpload>`;
}

function textOf(xml: string, element: string): string | null {
  const text = new RegExp(`<${element}(?:\\s[^>]*)?>([^<]*)</${element}\\s*>`).exec(xml)?.[1];
  return text === undefined ? null : unescaped(text).trim();
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(lt|gt|amp|quot|apos));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole;
    const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

function escaped(text: string): string {
  return text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
