/**
 * Content codings: which of the stored forms of a file suits the client's
 * Accept-Encoding (RFC 9110 section 12.5.3). Pure.
 */
export type ContentCoding = "br" | "gzip" | "identity";

/** In our order of preference, smallest first. */
const PREFERENCE: readonly ContentCoding[] = ["br", "gzip", "identity"];

/**
 * The best of `available`, by the client's weights first and size second.
 * `identity` stands for itself only when the client weighs it explicitly;
 * otherwise it is what remains.
 */
export function chooseCoding(acceptEncoding: string | undefined, available: ReadonlySet<ContentCoding>): ContentCoding {
  if (acceptEncoding === undefined) return "identity";
  const weights = parseWeights(acceptEncoding);
  let best: ContentCoding = "identity";
  let bestWeight = weights.get("identity") ?? 0;
  for (const coding of PREFERENCE) {
    if (coding === "identity" || !available.has(coding)) continue;
    const weight = weights.get(coding) ?? weights.get("*") ?? 0;
    if (weight > bestWeight || (weight === bestWeight && weight > 0 && best === "identity")) {
      best = coding;
      bestWeight = weight;
    }
  }
  return best;
}

function parseWeights(header: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const item of header.split(",")) {
    const [name = "", ...parameters] = item.split(";");
    const weight = parameters.map((parameter) => /^[ \t]*q=([01](?:\.\d{0,3})?)[ \t]*$/i.exec(parameter)?.[1]).find(Boolean);
    weights.set(codingName(name), parameters.length === 0 ? 1 : Number(weight ?? 0));
  }
  return weights;
}

function codingName(name: string): string {
  const coding = name.trim().toLowerCase();
  return coding === "x-gzip" ? "gzip" : coding;
}
