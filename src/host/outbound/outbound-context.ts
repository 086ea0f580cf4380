/** What outbound requests and codecs need to know of the sandbox that asks. */
import type { Allow } from "../../config/config.ts";

export interface OutboundContext {
  readonly allow: Allow;
  /** The sandbox's own; what its codecs have reserved is counted by it. */
  readonly state: Map<number, unknown>;
}
