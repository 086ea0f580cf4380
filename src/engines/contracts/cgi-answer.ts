/** CGI output (RFC 3875 section 6): header lines, an empty line, the body. Pure. */
import type { CallFailure } from "../engine.ts";
import { isHeader, isStatus } from "./answer.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** RFC 3875 6.3.3. */
const STATUS = /^(\d{3})(?: |$)/;

export interface CgiHead {
  readonly status: number;
  /** "name: value\r\n" each, without Status. */
  readonly headerLines: string;
}

/** `head` is the text before the empty line. */
export function parseCgiHead(head: string): CgiHead | CallFailure {
  let status = 0;
  let headerLines = "";
  for (const line of head.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    const value = line.slice(colon + 1).trim();
    if (!isHeader(name, value)) return invalidCgi(`${JSON.stringify(line.slice(0, 80))} is no header line`);
    if (name.toLowerCase() !== "status") {
      headerLines += `${name}: ${value}\r\n`;
      if (name.toLowerCase() === "location" && status === 0) status = 302;
      continue;
    }
    status = Number(STATUS.exec(value)?.[1]);
    if (!isStatus(status)) return invalidCgi(`its status is ${JSON.stringify(value)}, not a number from 200 to 599`);
  }
  return { status: status === 0 ? 200 : status, headerLines };
}

/** Where the head ends and the body begins; null without an empty line. */
export function cgiHeadEnd(output: Buffer): { readonly head: number; readonly body: number } | null {
  // Line ends may be mixed: many a program ends its head with "\n\r\n".
  const long = output.indexOf("\n\r\n");
  const short = output.indexOf("\n\n");
  if (long !== -1 && (short === -1 || long < short)) return { head: long, body: long + 3 };
  return short === -1 ? null : { head: short, body: short + 2 };
}

export function beginsWithEmptyLine(output: Buffer): boolean {
  return output[0] === LINE_FEED || (output[0] === CARRIAGE_RETURN && output[1] === LINE_FEED);
}

export function invalidCgi(why: string): CallFailure {
  return { code: "INVALID_ANSWER", message: `The function's answer can't be sent: as CGI output, ${why}` };
}
