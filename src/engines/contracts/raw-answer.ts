/** Output that is the body of the answer, whatever was written, as it is. */
import { isUtf8 } from "node:buffer";
import { type Answer, BYTES, PLAIN_TEXT } from "./answer.ts";

export function rawAnswer(output: Buffer): Answer {
  if (isUtf8(output)) return { status: 200, headerLines: PLAIN_TEXT, body: output.toString("utf8") };
  return { status: 200, headerLines: BYTES, body: Uint8Array.prototype.slice.call(output) };
}
