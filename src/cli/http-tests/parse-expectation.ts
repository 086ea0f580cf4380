/** One expectation line: `SUBJECT OPERATOR VALUE`, as docs/http-tests.md lists them. */
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import { didYouMean } from "../../base/suggest.ts";
import type { Expectation, Operator, Subject } from "./model.ts";

const SUBJECTS = ["status", "header", "body", "length", "json"];
const OPERATORS: readonly Operator[] = ["==", "!=", "<=", "<", ">=", ">", "contains", "matches", "exists", "missing"];
const NUMERIC: readonly Operator[] = ["<", "<=", ">", ">="];
const UNARY: readonly Operator[] = ["exists", "missing"];

/** `block` is the text between triple quotes, when the operand was such a block. */
export function parseExpectation(text: string, block: string | null, line: number): Result<Expectation> {
  const { word: subjectWord, rest } = firstWord(text);
  if (!SUBJECTS.includes(subjectWord)) {
    return refuse(`expects something of "${subjectWord}"`, didYouMean(subjectWord, SUBJECTS).trim() || `Use ${SUBJECTS.join(", ")}`);
  }
  const named = subjectWord === "header" || subjectWord === "json";
  const argument = named ? splitPath(rest) : { word: "", rest };
  if (named && argument.word === "")
    return refuse(
      `lacks what to look at after "${subjectWord}"`,
      subjectWord === "json" ? "json user.name == ..." : "header content-type == ...",
    );
  const subject = makeSubject(subjectWord, argument.word);
  if (subject === null)
    return refuse(`has a JSON path that can't be read: ${argument.word}`, 'Write it as user.name, items[0] or ["odd key"]');
  const { word: operatorWord, rest: written } = firstWord(argument.rest);
  const operator = OPERATORS.find((known) => known === operatorWord);
  if (operator === undefined)
    return refuse(
      `has no known operator, but "${operatorWord}"`,
      didYouMean(operatorWord, OPERATORS).trim() || `Use ${OPERATORS.join(" ")}`,
    );
  const operand = readOperand(subject, operator, block ?? written);
  if (!operand.ok) return operand;
  return ok({ line, text: block === null ? text : `${text} """…"""`, subject, operator, operand: operand.value });
}

function makeSubject(kind: string, argument: string): Subject | null {
  if (kind === "header") return { kind, name: argument.toLowerCase() };
  if (kind !== "json") return { kind: kind as "status" | "body" | "length" };
  const steps = parseSteps(argument);
  return steps === null ? null : { kind, path: argument, steps };
}

function readOperand(subject: Subject, operator: Operator, written: string): Result<unknown> {
  if (UNARY.includes(operator)) {
    if (subject.kind !== "header" && subject.kind !== "json")
      return refuse(`asks whether ${subject.kind} exists: it always does`, "Compare it with something");
    return written === "" ? ok(undefined) : refuse(`has a value after "${operator}"`, `End the line after ${operator}`);
  }
  if (operator === "matches") return readPattern(written);
  if (NUMERIC.includes(operator) && (subject.kind === "header" || subject.kind === "body")) {
    return refuse(`compares ${subject.kind} as a number`, "Only status, length and json are numbers");
  }
  if (subject.kind === "status" || subject.kind === "length" || NUMERIC.includes(operator)) {
    const number = written === "" ? Number.NaN : Number(written);
    return Number.isFinite(number) ? ok(number) : refuse(`needs a number, not "${written}"`, "Write it as 200");
  }
  if (subject.kind !== "json") return ok(written);
  try {
    return ok(JSON.parse(written));
  } catch {
    return refuse(`compares with what is not JSON: ${written}`, `Put texts in double quotes: ${JSON.stringify(written)}`);
  }
}

function readPattern(written: string): Result<RegExp> {
  const delimited = /^\/(.+)\/([dgimsuvy]*)$/s.exec(written);
  try {
    return ok(delimited === null ? new RegExp(written, "u") : new RegExp(delimited[1]!, delimited[2]!.replace(/[gy]/g, "")));
  } catch (error) {
    return refuse(`has a pattern that is none: ${(error as Error).message}`, "Use a JavaScript regular expression");
  }
}

function firstWord(text: string): { word: string; rest: string } {
  const match = /^(\S*)\s*([\s\S]*)$/.exec(text)!;
  return { word: match[1]!, rest: match[2]! };
}

/** A path ends at the first blank outside brackets: ["odd key"] may hold one. */
function splitPath(text: string): { word: string; rest: string } {
  const match = /^((?:\[(?:"(?:[^"\\]|\\.)*"|\d+)\]|[^\s[])+)\s*([\s\S]*)$/.exec(text);
  return match === null ? { word: "", rest: text } : { word: match[1]!, rest: match[2]! };
}

/** "$.a[0]["b c"]" to ["a", 0, "b c"]; null when it is no path. */
function parseSteps(path: string): (string | number)[] | null {
  const steps: (string | number)[] = [];
  let rest = path.replace(/^\$\.?/, "");
  while (rest !== "") {
    const match = /^\.?(?:([^.[\]"\s]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\])/.exec(rest);
    if (match === null) return null;
    steps.push(match[1] ?? (match[2] === undefined ? (JSON.parse(match[3]!) as string) : Number(match[2])));
    rest = rest.slice(match[0].length);
  }
  return steps;
}

function refuse(message: string, hint: string): { ok: false; failure: Failure } {
  return fail({ code: "HTTP_TEST_SYNTAX", message, hint });
}
