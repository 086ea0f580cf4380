/**
 * .http files: text to requests with expectations. Strict: a line that is
 * nothing known is a failure with its number, because a misspelt expectation
 * would otherwise pass forever. Reads no other file.
 */
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import type { Expectation, HttpTest, RequestBodySource } from "./model.ts";
import { parseExpectation } from "./parse-expectation.ts";

const METHOD_LINE = /^([A-Z]{1,20})\s+(\S+)(?:\s+HTTP\/[\d.]+)?$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/;
const VARIABLE_LINE = /^@([A-Za-z_][\w-]*)\s*=\s*(.*)$/;
const COMMENT_LINE = /^(?:#(?!##)|\/\/)/;
const BLOCK_QUOTE = '"""';

export function parseHttpFile(text: string, file: string): Result<readonly HttpTest[], readonly Failure[]> {
  const reader = new Reader(text, file);
  const tests: HttpTest[] = [];
  while (reader.skipToRequest()) {
    const test = reader.readRequest();
    if (test !== null) tests.push(test);
  }
  return reader.failures.length === 0 ? ok(tests) : fail(reader.failures);
}

class Reader {
  readonly failures: Failure[] = [];
  readonly #lines: readonly string[];
  readonly #file: string;
  readonly #variables = new Map<string, string>();
  #index = 0;
  #name = "";

  constructor(text: string, file: string) {
    this.#lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
    this.#file = file;
  }

  /** Takes separators, variables and comments; false at the end of the file. */
  skipToRequest(): boolean {
    for (; this.#index < this.#lines.length; this.#index++) {
      const line = this.#line();
      const variable = VARIABLE_LINE.exec(line);
      if (line.startsWith("###")) this.#name = line.replace(/^#+/, "").trim();
      else if (variable !== null) this.#variables.set(variable[1]!, this.#fill(variable[2]!.trim()));
      else if (line !== "" && !COMMENT_LINE.test(line)) return true;
    }
    return false;
  }

  readRequest(): HttpTest | null {
    const line = this.#index + 1;
    const match = METHOD_LINE.exec(this.#fill(this.#line()));
    const target = match === null ? null : toTarget(match[2]!);
    if (match === null || target === null) {
      this.#complain("is neither a request line nor anything else", "Write METHOD /path, such as: GET /hello");
      this.#skipSection();
      return null;
    }
    const name = this.#name || `${match[1]} ${target}`;
    this.#name = "";
    this.#index++;
    const headers = this.#readHeaders();
    const body = this.#readBody();
    return { name, line, method: match[1]!, target, headers, body, expectations: this.#readExpectations() };
  }

  #readHeaders(): (readonly [string, string])[] {
    const headers: (readonly [string, string])[] = [];
    for (; this.#index < this.#lines.length; this.#index++) {
      const line = this.#fill(this.#line());
      if (line === "" || line.startsWith("###") || line.startsWith("??")) break;
      const match = HEADER_LINE.exec(line);
      if (match !== null) headers.push([match[1]!, match[2]!]);
      else if (!COMMENT_LINE.test(line)) this.#complain("is not a header", "Write `Name: value`, or an empty line before the body");
    }
    return headers;
  }

  #readBody(): RequestBodySource | null {
    const lines: string[] = [];
    // The empty line that ended the headers.
    if (this.#line() === "") this.#index++;
    const start = this.#index + 1;
    for (; this.#index < this.#lines.length; this.#index++) {
      const raw = this.#lines[this.#index]!;
      if (raw.startsWith("###") || raw.startsWith("??")) break;
      lines.push(this.#fill(raw));
    }
    while (lines.at(-1)?.trim() === "") lines.pop();
    const fromFile = lines.length === 1 ? /^<\s+(\S.*)$/.exec(lines[0]!) : null;
    if (fromFile !== null) return { kind: "file", path: fromFile[1]!.trim(), line: start };
    return lines.length === 0 ? null : { kind: "text", text: lines.join("\n") };
  }

  #readExpectations(): Expectation[] {
    const expectations: Expectation[] = [];
    for (; this.#index < this.#lines.length; this.#index++) {
      const line = this.#line();
      if (line.startsWith("###") || VARIABLE_LINE.test(line)) break;
      if (line === "" || COMMENT_LINE.test(line)) continue;
      if (!line.startsWith("??")) {
        this.#complain("stands among expectations but is none", "Begin it with ??, or begin the next request with ###");
        continue;
      }
      const number = this.#index + 1;
      const written = this.#fill(line.slice(2).trim());
      const block = written.endsWith(BLOCK_QUOTE) ? this.#readBlock() : null;
      const parsed = parseExpectation(block === null ? written : written.slice(0, -BLOCK_QUOTE.length).trim(), block, number);
      if (parsed.ok) expectations.push(parsed.value);
      else this.#complain(parsed.failure.message, parsed.failure.hint, number);
    }
    return expectations;
  }

  /** Lines up to the closing quotes, from the line after the current one; leaves the index on the closing line. */
  #readBlock(): string {
    const opening = this.#index + 1;
    const lines: string[] = [];
    for (this.#index++; this.#index < this.#lines.length; this.#index++) {
      const raw = this.#lines[this.#index]!;
      if (raw.trim() === BLOCK_QUOTE) return lines.join("\n");
      lines.push(this.#fill(raw));
    }
    this.#complain("opens a block that never closes", `End it with a line of ${BLOCK_QUOTE}`, opening);
    return lines.join("\n");
  }

  #skipSection(): void {
    while (this.#index < this.#lines.length && !this.#line().startsWith("###")) this.#index++;
  }

  #line(): string {
    return this.#lines[this.#index]?.trim() ?? "";
  }

  #fill(text: string): string {
    return text.replace(/\{\{\s*([\w-]+)\s*\}\}/g, (whole, name: string) => {
      const value = this.#variables.get(name);
      if (value === undefined) this.#complain(`uses ${whole}, which nothing defines`, `Write @${name} = value above it`);
      return value ?? "";
    });
  }

  #complain(what: string, hint: string | undefined, line = this.#index + 1): void {
    const message = `Line "${(this.#lines[line - 1] ?? "").trim()}" ${what}`;
    this.failures.push({ code: "HTTP_TEST_SYNTAX", message, ...(hint === undefined ? {} : { hint }), at: { file: this.#file, line } });
  }
}

/** Editors need an absolute address to send to; here only its path and query count. */
function toTarget(written: string): string | null {
  if (written.startsWith("/") || written === "*") return written;
  const url = URL.parse(written);
  return url !== null && /^https?:$/.test(url.protocol) ? url.pathname + url.search : null;
}
