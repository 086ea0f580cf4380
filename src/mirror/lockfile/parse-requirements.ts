/**
 * requirements.txt, as pip reads it: lines that go on behind a backslash,
 * comments, options. Options that choose an index are passed over and said so:
 * the mirror chooses. What names another file is refused, because that file
 * isn't here.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { type LockFile, quoted, REQUIREMENTS_MAX, type Requirement } from "./lock-file.ts";
import { parseRequirementLine } from "./requirement-line.ts";

/** A requirement with a thousand hashes takes a tenth of it. */
const LINE_MAX = 1_000_000;
const NOTES_MAX = 100;

const OTHER_FILES = ["-r", "--requirement", "-c", "--constraint", "--requirements", "--build-constraint"];
const EDITABLES = ["-e", "--editable"];
const PASSED_OVER: Readonly<Record<string, string>> = {
  "-i": "the mirror's indexes count",
  "--index-url": "the mirror's indexes count",
  "--pypi-url": "the mirror's indexes count",
  "--extra-index-url": "the mirror's indexes count",
  "--no-index": "the mirror is an index",
  "-f": "only files of an index count",
  "--find-links": "only files of an index count",
  "--trusted-host": "it concerns the installer",
  "--pre": "it concerns the installer",
  "--prefer-binary": "it concerns the installer",
  "--only-binary": "it concerns the installer",
  "--no-binary": "it concerns the installer",
  "--require-hashes": "it concerns the installer",
  "--use-feature": "it concerns the installer",
  "--uploaded-prior-to": "it concerns the installer",
};

export function parseRequirements(text: string): Result<LockFile, string> {
  const requirements: Requirement[] = [];
  const notes: string[] = [];
  const note = (line: number, what: string) => {
    if (notes.length < NOTES_MAX) notes.push(`Line ${line}: ${what}`);
  };
  for (const { line, number } of logicalLines(text)) {
    if (line.length > LINE_MAX) return fail(`line ${number} is longer than ${LINE_MAX} characters`);
    if (line.startsWith("-")) {
      const option = optionName(line);
      if (OTHER_FILES.includes(option))
        return fail(`line ${number}: ${quoted(line)} names another file, which isn't here; send one file with everything`);
      const reason = EDITABLES.includes(option)
        ? "an editable comes from a folder or a repository, not from an index"
        : PASSED_OVER[option];
      if (reason === undefined) return fail(`line ${number}: ${quoted(line)} is no option of a requirements file`);
      // The value may hold a password.
      note(number, `${option} is passed over: ${reason}`);
      continue;
    }
    const parsed = parseRequirementLine(line);
    if (!parsed.ok) return fail(`line ${number}: ${parsed.failure}`);
    if (parsed.value === null) note(number, "a path or an address is passed over: it comes from no index");
    else if (requirements.push(parsed.value) > REQUIREMENTS_MAX) return fail(`it has more than ${REQUIREMENTS_MAX} requirements`);
  }
  return ok({ format: "requirements.txt", requirements, notes });
}

/** "-ihttp://x" and "-i http://x" and "--index-url=http://x". */
function optionName(line: string): string {
  if (line.startsWith("--")) return /^--[a-z-]*/.exec(line)![0];
  return line.slice(0, 2);
}

interface LogicalLine {
  readonly line: string;
  /** Of its first physical line, from 1. */
  readonly number: number;
}

/** Joined, without comments, none of them blank. As pip: a line that is all comment doesn't go on, and ends one that would. */
function* logicalLines(text: string): Generator<LogicalLine> {
  let joined: string[] = [];
  let start = 1;
  let number = 0;
  for (const physical of text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/)) {
    number++;
    if (joined.length === 0) start = number;
    const isComment = physical.trimStart().startsWith("#");
    const goesOn = physical.endsWith("\\") && !isComment;
    joined.push(goesOn ? physical.slice(0, -1) : isComment ? ` ${physical}` : physical);
    if (goesOn) continue;
    const line = withoutComment(joined.join("")).trim();
    joined = [];
    if (line !== "") yield { line, number: start };
  }
  const line = withoutComment(joined.join("")).trim();
  if (line !== "") yield { line, number: start };
}

/** "#" begins a comment at the start of a line and behind a blank: addresses hold one elsewhere. */
function withoutComment(line: string): string {
  for (let at = line.indexOf("#"); at !== -1; at = line.indexOf("#", at + 1)) {
    if (at === 0 || line[at - 1]!.trim() === "") return line.slice(0, at);
  }
  return line;
}
