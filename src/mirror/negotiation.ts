/**
 * Negotiation of pages: which form of a page an exchange gets. Clients send
 * the same few header texts again and again, so each is read once; how many
 * are remembered is bounded, because a header is a stranger's to choose.
 */
import { RecentMap } from "../base/recent-map.ts";
import { negotiateCoding } from "../http/content-coding.ts";
import type { Exchange } from "../http/exchange.ts";
import type { PageCoding } from "./pages/pages.ts";
import type { PageFormat } from "./simple/format.ts";
import { negotiateFormat } from "./simple/negotiate.ts";

const REMEMBERED_MAX = 256;
const CODINGS: ReadonlySet<PageCoding> = new Set(["zstd", "br", "gzip", "identity"]);

export interface PageForm {
  readonly format: PageFormat;
  readonly coding: PageCoding;
}

const formats = new RecentMap<string, PageFormat | null>({ countMax: REMEMBERED_MAX });
const codings = new RecentMap<string, PageCoding | null>({ countMax: REMEMBERED_MAX });

/** Null when nothing that the client accepts can be made (406). */
export function formOf(exchange: Exchange, query: string): PageForm | null {
  const format = formatOf(exchange.header("accept"), query);
  const coding = codingOf(exchange.header("accept-encoding"));
  return format === null || coding === null ? null : { format, coding };
}

function formatOf(accept: string | undefined, query: string): PageFormat | null {
  const key = `${accept ?? ""}\n${query}`;
  const known = formats.peek(key);
  if (known !== undefined) return known;
  const wanted = query === "" ? null : new URLSearchParams(query).get("format");
  const format = negotiateFormat(accept, wanted)?.format ?? null;
  formats.set(key, format);
  return format;
}

function codingOf(acceptEncoding: string | undefined): PageCoding | null {
  if (acceptEncoding === undefined) return "identity";
  const known = codings.peek(acceptEncoding);
  if (known !== undefined) return known;
  const coding = negotiateCoding(acceptEncoding, CODINGS);
  codings.set(acceptEncoding, coding);
  return coding;
}
