/**
 * CGI (RFC 3875): the request's head in the environment, its body on standard
 * input; header lines, an empty line and the body on standard output.
 */
import type { Exchange } from "../../../http/exchange.ts";
import { type Answer, isFailure } from "../../contracts/answer.ts";
import { beginsWithEmptyLine, cgiHeadEnd, invalidCgi, parseCgiHead } from "../../contracts/cgi-answer.ts";
import { cgiVariables } from "../../contracts/cgi-variables.ts";
import type { CallFailure } from "../../engine.ts";
import type { RequestContract } from "./contract.ts";

export const cgiContract: RequestContract = {
  name: "cgi",
  environIsRequest: true,
  input: (_exchange, body) => body,
  environ: environOf,
  answer: answerOf,
};

function environOf(exchange: Exchange, body: Uint8Array | null): string {
  return cgiVariables(exchange, body?.length ?? null)
    .map(([name, value]) => `${name}=${value}\0`)
    .join("");
}

function answerOf(stdout: Buffer): Answer | CallFailure {
  if (beginsWithEmptyLine(stdout)) return invalidCgi("it begins with an empty line, where its header lines should be");
  const end = cgiHeadEnd(stdout);
  if (end === null) return invalidCgi("it has no empty line behind its header lines");
  const head = parseCgiHead(stdout.toString("latin1", 0, end.head));
  return isFailure(head) ? head : { ...head, body: Uint8Array.prototype.slice.call(stdout, end.body) };
}
