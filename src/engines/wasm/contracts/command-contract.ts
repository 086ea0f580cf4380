/** Plain command: the body is standard input, standard output is the answer. */
import { isUtf8 } from "node:buffer";
import { BYTES, PLAIN_TEXT, type RequestContract } from "./contract.ts";

export const commandContract: RequestContract = {
  name: "command",
  environIsRequest: false,
  input: (_exchange, body) => body,
  environ: () => "",
  answer: (stdout) => rawAnswer(stdout),
};

/** Whatever was written, as it is. */
export function rawAnswer(stdout: Buffer): { status: number; headerLines: string; body: string | Uint8Array } {
  if (isUtf8(stdout)) return { status: 200, headerLines: PLAIN_TEXT, body: stdout.toString("utf8") };
  return { status: 200, headerLines: BYTES, body: Uint8Array.prototype.slice.call(stdout) };
}
