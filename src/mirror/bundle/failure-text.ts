/**
 * What an operator at the machine is told of a failure. Other than a client
 * (explainFailure) also which file or disk it was.
 */
import { explainFailure, type MirrorFailure } from "../failures.ts";

export function failureText(failure: MirrorFailure): string {
  return "message" in failure ? failure.message : explainFailure(failure).message;
}
