/**
 * Which form of a page a client gets: server-driven negotiation by RFC 9110
 * section 12.5.1 with the types and the `format` parameter of PEP 691. Pure;
 * callers keep the answer by the text of the header.
 */
import { FORMATS, type FormatForm, type PageFormat } from "./format.ts";

export interface NegotiatedFormat {
  readonly format: PageFormat;
  readonly contentType: string;
}

interface Offer extends FormatForm {
  readonly format: PageFormat;
}

const JSON_OFFER: Offer = { format: "json", ...FORMATS.json };
const HTML_OFFER: Offer = { format: "html", ...FORMATS.html };
const TEXT_HTML_OFFER: Offer = { format: "text-html", ...FORMATS["text-html"] };

/** Of equal weight the most expressive, text/html as the last resort (PEP 691). */
const BY_EXPRESSION: readonly Offer[] = [JSON_OFFER, HTML_OFFER, TEXT_HTML_OFFER];
/** A client that takes anything is a browser, or older than PEP 691: it gets what indexes always answered. */
const BY_AGE: readonly Offer[] = [TEXT_HTML_OFFER, HTML_OFFER, JSON_OFFER];

/**
 * Null means 406: nothing that the client takes is offered. `application/json`
 * alone is such a case. PEP 691 gives its JSON a type of its own, so that
 * clients know which JSON it is, and recommends 406 for types it doesn't know;
 * one that goes by the content type could not use the answer anyway.
 */
export function negotiateFormat(accept: string | undefined, formatQuery: string | null): NegotiatedFormat | null {
  // An explicit format takes precedence over the header (PEP 691).
  if (formatQuery !== null && formatQuery !== "") return byQuery(formatQuery);
  const weights = parseAccept(accept ?? "");
  if (weights.size === 0) return answerOf(TEXT_HTML_OFFER);
  return byWeight(weights);
}

function byQuery(formatQuery: string): NegotiatedFormat | null {
  // Form decoding makes a space of the plus sign, which nobody types as %2B.
  const type = formatQuery.trim().replace(" ", "+").toLowerCase();
  const offer = BY_EXPRESSION.find(({ types }) => types.includes(type));
  return offer === undefined ? null : answerOf(offer);
}

function byWeight(weights: ReadonlyMap<string, number>): NegotiatedFormat | null {
  const heaviest = Math.max(...BY_EXPRESSION.map((offer) => rate(offer, weights).weight));
  if (heaviest === 0) return null;
  const best = BY_EXPRESSION.filter((offer) => rate(offer, weights).weight === heaviest);
  const named = best.find((offer) => rate(offer, weights).isNamed);
  return answerOf(named ?? (BY_AGE.find((offer) => best.includes(offer)) as Offer));
}

/** The most specific range that fits decides, not the heaviest: that is how "q=0" excludes. */
function rate(offer: Offer, weights: ReadonlyMap<string, number>): { weight: number; isNamed: boolean } {
  const named = offer.types.map((type) => weights.get(type)).filter((weight) => weight !== undefined);
  if (named.length > 0) return { weight: Math.max(...named), isNamed: true };
  const [type = ""] = offer.contentType.split("/", 1);
  const ofType = weights.get(`${type}/*`);
  return ofType === undefined ? { weight: weights.get("*/*") ?? 0, isNamed: false } : { weight: ofType, isNamed: true };
}

/** Weight by media range. What isn't a range is passed over; of several equal ones the heaviest counts. */
function parseAccept(accept: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const item of accept.split(",")) {
    const [text = "", ...parameters] = item.split(";");
    const written = text.trim().toLowerCase();
    // Java's old client sends "*".
    const range = written === "*" ? "*/*" : written;
    if (/^[^\s/]+\/[^\s/]+$/.test(range)) weights.set(range, Math.max(weights.get(range) ?? 0, weightOf(parameters)));
  }
  return weights;
}

/** A weight that is none says nothing, and nothing said is 1. */
function weightOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.split("=", 2);
    if (name.trim().toLowerCase() !== "q") continue;
    const weight = Number.parseFloat(value);
    return Number.isNaN(weight) ? 1 : Math.min(Math.max(weight, 0), 1);
  }
  return 1;
}

function answerOf(offer: Offer): NegotiatedFormat {
  return { format: offer.format, contentType: offer.contentType };
}
