/**
 * Judging an answer: which expectations hold, and for those that don't, what
 * was wanted and what came. Pure; a body that is not JSON fails JSON
 * expectations with its first words instead of throwing.
 */
import { isDeepStrictEqual } from "node:util";
import { diffLines } from "./diff.ts";
import type { Expectation, Subject } from "./model.ts";

export interface Answer {
  readonly status: number;
  /** Lower-case name and value, repeated ones repeated. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

export interface Mismatch {
  readonly line: number;
  readonly expectation: string;
  /** What came instead, over several lines when it is a text. */
  readonly detail: string;
}

const DETAIL_MAX_CHARS = 2_000;

/** Nothing was expected in words: then the call must at least have worked. */
export function judge(expectations: readonly Expectation[], answer: Answer, requestLine: number): Mismatch[] {
  if (expectations.length === 0) {
    if (answer.status < 400) return [];
    return [{ line: requestLine, expectation: "status < 400", detail: `got ${answer.status}: ${excerpt(bodyText(answer))}` }];
  }
  return expectations.flatMap((expectation) => {
    const detail = checkOne(expectation, answer);
    return detail === null ? [] : [{ line: expectation.line, expectation: expectation.text, detail }];
  });
}

function checkOne({ subject, operator, operand }: Expectation, answer: Answer): string | null {
  const found = look(subject, answer);
  if (found.problem !== null) return found.problem;
  const actual = found.value;
  switch (operator) {
    case "exists":
      return actual === undefined ? "it is missing" : null;
    case "missing":
      return actual === undefined ? null : `got ${show(actual)}`;
    case "==":
      return isDeepStrictEqual(actual, operand) ? null : difference(operand, actual);
    case "!=":
      return isDeepStrictEqual(actual, operand) ? `got exactly ${show(actual)}` : null;
    case "contains":
      return contains(actual, operand) ? null : `got ${show(actual)}`;
    case "matches":
      return actual !== undefined && (operand as RegExp).test(typeof actual === "string" ? actual : JSON.stringify(actual))
        ? null
        : `got ${show(actual)}`;
    default:
      return typeof actual === "number" && compare(actual, operator, operand as number) ? null : `got ${show(actual)}`;
  }
}

function look(subject: Subject, answer: Answer): { value: unknown; problem: string | null } {
  switch (subject.kind) {
    case "status":
      return { value: answer.status, problem: null };
    case "length":
      return { value: answer.body.byteLength, problem: null };
    case "body":
      return { value: bodyText(answer), problem: null };
    case "header": {
      const values = answer.headers.filter(([name]) => name === subject.name).map(([, value]) => value);
      return { value: values.length === 0 ? undefined : values.join(", "), problem: null };
    }
    case "json":
      try {
        return { value: walk(JSON.parse(bodyText(answer)), subject.steps), problem: null };
      } catch {
        return { value: undefined, problem: `the body is not JSON: ${excerpt(bodyText(answer))}` };
      }
  }
}

/** Own properties only: `constructor` is missing unless the body has it. */
function walk(value: unknown, steps: readonly (string | number)[]): unknown {
  for (const step of steps) {
    if (Array.isArray(value) && step === "length") value = value.length;
    else if (typeof value === "object" && value !== null && Object.hasOwn(value, step))
      value = (value as Record<string | number, unknown>)[step];
    else return undefined;
  }
  return value;
}

function contains(actual: unknown, operand: unknown): boolean {
  if (Array.isArray(actual)) return actual.some((element) => isDeepStrictEqual(element, operand));
  return typeof actual === "string" && actual.includes(String(operand));
}

function compare(actual: number, operator: "<" | "<=" | ">" | ">=", operand: number): boolean {
  if (operator === "<") return actual < operand;
  if (operator === "<=") return actual <= operand;
  return operator === ">" ? actual > operand : actual >= operand;
}

function difference(wanted: unknown, actual: unknown): string {
  const [wantedText, actualText] = [pretty(wanted), pretty(actual)];
  if (wantedText.includes("\n") || actualText.includes("\n")) return excerpt(diffLines(wantedText, actualText));
  return `got ${show(actual)}`;
}

function pretty(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "nothing");
}

function show(value: unknown): string {
  return value === undefined ? "nothing" : excerpt(JSON.stringify(value));
}

function excerpt(text: string): string {
  return text.length <= DETAIL_MAX_CHARS ? text : `${text.slice(0, DETAIL_MAX_CHARS)}… (${text.length} characters)`;
}

function bodyText(answer: Answer): string {
  return new TextDecoder().decode(answer.body);
}
