/**
 * Header lines for a program that is called by HTTP: the client's, and what the
 * program can't know because its connection is ours. Who the client is, is
 * appended to what the client says of itself (a program that trusts one proxy
 * takes the last); by which scheme and name it came is ours alone to say.
 */
import { headerPairs, valuesOf } from "../../../http/hop-by-hop.ts";
import { relayedHeaders } from "../../../http/relay.ts";
import type { Call } from "../../engine.ts";

const OURS: ReadonlySet<string> = new Set(["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id"]);

/** Flat [name, value, …]. */
export function forwardedHeaders({ exchange, requestId }: Call): string[] {
  const headers = relayedHeaders(exchange, OURS);
  const clients = valuesOf(headerPairs(exchange.headerBlock), "x-forwarded-for");
  if (exchange.remoteAddress !== "") clients.push(exchange.remoteAddress);
  if (clients.length > 0) headers.push("x-forwarded-for", clients.join(", "));
  headers.push("x-forwarded-proto", exchange.secure ? "https" : "http");
  if (exchange.host !== "") headers.push("x-forwarded-host", exchange.host);
  headers.push("x-request-id", requestId);
  return headers;
}
