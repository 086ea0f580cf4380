/**
 * Loopback: can only this machine reach an address? One rule, because the
 * configuration asks for a token and TLS by it, and the admin API's guard
 * decides by it whether a Host header is checked. Another spelling of ::1
 * counts as reachable: that costs a token and opens nothing.
 */
import { isIP } from "node:net";

export function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
}
