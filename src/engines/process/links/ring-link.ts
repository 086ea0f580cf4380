/** Calls through the ring of an instance, which has said READY on the connection that now rings. */
import type { Duplex } from "node:stream";
import type { RingFile } from "../ring/ring-file.ts";
import type { Link } from "./link.ts";
import { MessageLink, type MessageLinkOptions } from "./message-link.ts";
import { RingWire } from "./ring-wire.ts";

/** Once for a ring: its positions are kept here. The file stays its owner's, who closes it when the process has ended. */
export function openRingLink(ring: RingFile, connection: Duplex, options: MessageLinkOptions): Link {
  return new MessageLink("ring", new RingWire(ring.serverSide(), connection), options);
}
