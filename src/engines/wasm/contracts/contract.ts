/**
 * Request contracts: how a request becomes a guest's input, and its output an
 * answer. Rivals behind one interface; which one a module keeps is decided when
 * it is built.
 */

import type { ContractName } from "../../../config/config.ts";
import type { Exchange } from "../../../http/exchange.ts";
import type { Answer } from "../../contracts/answer.ts";
import type { CallFailure } from "../../engine.ts";

export interface RequestContract {
  readonly name: ContractName;
  /** The environment tells of the request: a guest that asks for it asks for the request. */
  readonly environIsRequest: boolean;
  /** Standard input; text crosses as UTF-8. */
  input(exchange: Exchange, body: Uint8Array | null): string | Uint8Array | null;
  /** "K=V" pairs of this request, each with a NUL behind it; "" unless `environIsRequest`. */
  environ(exchange: Exchange, body: Uint8Array | null): string;
  /** `stdout` is only valid during the call. */
  answer(stdout: Buffer): Answer | CallFailure;
}
