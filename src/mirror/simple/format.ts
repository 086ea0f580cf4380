/**
 * The formats of the simple API (PEP 691) and their types: what clients ask
 * for, and what answers are labelled with.
 */

/** The second and the third are the same bytes under two types: that of PEP 691, and text/html. */
export type PageFormat = "json" | "html" | "text-html";
/** What is rendered: two of the formats are the same text. */
export type PageBody = "json" | "html";

export interface FormatForm {
  readonly body: PageBody;
  /** Always of a concrete version: "latest" is for asking only. */
  readonly contentType: string;
  /** What asks for it by name. */
  readonly types: readonly string[];
  /** Ends the entity tag: two of the formats are the same bytes, and a strong tag means one of them. */
  readonly tagEnd: string;
}

const JSON_TYPE = "application/vnd.pypi.simple.v1+json";
const HTML_TYPE = "application/vnd.pypi.simple.v1+html";

export const FORMATS: Readonly<Record<PageFormat, FormatForm>> = {
  json: { body: "json", contentType: JSON_TYPE, types: [JSON_TYPE, "application/vnd.pypi.simple.latest+json"], tagEnd: "" },
  html: { body: "html", contentType: HTML_TYPE, types: [HTML_TYPE, "application/vnd.pypi.simple.latest+html"], tagEnd: "" },
  "text-html": { body: "html", contentType: "text/html; charset=utf-8", types: ["text/html"], tagEnd: "-t" },
};
