/**
 * Problem answers: whatever the mirror refuses, as a problem document (RFC
 * 9457). Not for the form's sake: uv prints `detail` beside its own words, and
 * so its user reads the reason. `error` is what every server of ours sends.
 */
import type { Exchange } from "../http/exchange.ts";

const PROBLEM_LINE = "content-type: application/problem+json\r\n";

export function answerProblem(exchange: Exchange, status: number, code: string, message: string, extraLines = ""): void {
  const document = { status, detail: message, error: { code, message } };
  exchange.respond(status, PROBLEM_LINE + extraLines, `${JSON.stringify(document)}\n`);
}
