/**
 * What a one-shot program finds of its call in its environment: the head as CGI
 * says it (RFC 3875), and what the other ways send as header lines of ours. It
 * is known before the process is started, so it is no part of the link.
 */

import { cgiVariables } from "../../contracts/cgi-variables.ts";
import type { Call } from "../../engine.ts";
import { asciiJson } from "./message-heads.ts";

export function stdioEnvironment({ exchange, params, requestId }: Call): Record<string, string> {
  const { body } = exchange;
  // No length for a body that comes in chunks: its end is the end of standard input.
  const bodyBytes = body.complete ? (body.whole?.length ?? null) : body.length;
  const variables = Object.fromEntries(cgiVariables(exchange, bodyBytes));
  variables["HTTP_X_REQUEST_ID"] = requestId;
  // Not the client's to say.
  delete variables["HTTP_X_PILOTLIGHT_PARAMS"];
  if (params !== null) variables["HTTP_X_PILOTLIGHT_PARAMS"] = asciiJson(params);
  return variables;
}
