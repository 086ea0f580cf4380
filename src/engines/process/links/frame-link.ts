/** Calls by frames on the connection over which the instance said READY. */
import type { Duplex } from "node:stream";
import { FrameWire } from "./frame-wire.ts";
import type { Link } from "./link.ts";
import { MessageLink, type MessageLinkOptions } from "./message-link.ts";

export function openFrameLink(connection: Duplex, options: MessageLinkOptions): Link {
  return new MessageLink("frames", new FrameWire(connection), options);
}
