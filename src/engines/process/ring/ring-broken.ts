/**
 * Ring broken: what the other side did to the memory it shares with us that no
 * honest side does. A value, not a throw: a hostile or dying process is the
 * world's fault, and its end is the end of one instance. Once broken a ring
 * stays so: whoever sees this closes.
 */
import type { Failure } from "../../../base/result.ts";

export type RingFault =
  /** The first page is not that of a ring of our version, or does not fit its file. */
  | "BAD_HEADER"
  /** A head beyond what its ring can hold, behind what was seen of it, or between two entries. */
  | "BAD_HEAD"
  /** A tail beyond what was published, behind what was seen of it, or between two entries. */
  | "BAD_TAIL"
  /** An entry that passes the head, the end of the data, or half a ring. */
  | "BAD_LENGTH"
  /** A mark that skips to the beginning where there is nothing to skip, or more than was published. */
  | "BAD_SKIP"
  /** A message that is not the one that was summed. */
  | "BAD_CRC";

export class RingBroken implements Failure {
  readonly code = "RING_BROKEN";
  readonly fault: RingFault;
  readonly message: string;

  constructor(fault: RingFault, message: string) {
    this.fault = fault;
    this.message = message;
  }
}
