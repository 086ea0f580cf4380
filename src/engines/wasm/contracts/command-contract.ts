/** Plain command: the body is standard input, standard output is the answer. */
import { rawAnswer } from "../../contracts/raw-answer.ts";
import type { RequestContract } from "./contract.ts";

export const commandContract: RequestContract = {
  name: "command",
  environIsRequest: false,
  input: (_exchange, body) => body,
  environ: () => "",
  answer: rawAnswer,
};
