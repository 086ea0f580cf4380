/**
 * Body templates: {{sequence}}, {{random}}, {{uuid}} and {{timestamp}} get a
 * value anew for each request, from the plan's seed, so that a run can be had
 * again. `timestamp` alone comes from the clock.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import type { TemplatePart } from "./plan.ts";

type Fill = Exclude<TemplatePart, string>["fill"];

const FILLS: readonly string[] = ["sequence", "random", "uuid", "timestamp"] satisfies readonly Fill[];

/** The fault is a phrase: `has {{…}} …`. */
export function parseTemplate(text: string): Result<readonly TemplatePart[], string> {
  const parts: TemplatePart[] = [];
  let from = 0;
  for (const match of text.matchAll(/\{\{\s*([^{}]*?)\s*\}\}/g)) {
    const name = match[1]!;
    if (!FILLS.includes(name)) return fail(`has {{${name}}}, which is none of ${FILLS.map((fill) => `{{${fill}}}`).join(", ")}`);
    if (match.index > from) parts.push(text.slice(from, match.index));
    parts.push({ fill: name as Fill });
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push(text.slice(from));
  return ok(parts);
}

export interface FillSource {
  /** Different for every request of the run; one request has one, however often its body names it. */
  nextSequence(): number;
  /** In [0, 1). */
  random(): number;
  epochMs(): number;
}

const RANDOM_BELOW = 2 ** 31;

export function fillTemplate(parts: readonly TemplatePart[], source: FillSource): string {
  const sequence = source.nextSequence();
  let text = "";
  for (const part of parts) text += typeof part === "string" ? part : fillOne(part.fill, sequence, source);
  return text;
}

function fillOne(fill: Fill, sequence: number, source: FillSource): string | number {
  switch (fill) {
    case "sequence":
      return sequence;
    case "random":
      return Math.floor(source.random() * RANDOM_BELOW);
    case "timestamp":
      return source.epochMs();
    case "uuid":
      return uuid(source);
  }
}

/** Version 4 in form. Its randomness is the seed's: it names a request and guards nothing. */
function uuid({ random }: FillSource): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16));
  hex[12] = 4;
  hex[16] = 8 + (hex[16]! % 4);
  const text = hex.map((digit) => digit.toString(16)).join("");
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`;
}
