/**
 * Limits of a listener: the same knobs for the server and for the mirror, each
 * under `http:` of its own part of pilotlight.yaml.
 */
import { KIB, SECOND_MS } from "../base/units.ts";
import type { HttpLimits } from "./config.ts";
import { readCount, readDurationAboveZero, readSize, readSizeAboveZero } from "./readers.ts";
import type { SettingTable } from "./setting.ts";

export const HTTP_SETTINGS = {
  "http.body_max": { read: readSize, about: { value: "SIZE", help: "largest request body, then 413", shown: "100m" } },
  "http.header_max": { read: readSizeAboveZero, about: { value: "SIZE", help: "largest head of a request, then 431", shown: "32k" } },
  "http.target_max": { read: readSizeAboveZero, about: { value: "SIZE", help: "longest path and query, then 414", shown: "16k" } },
  "http.header_timeout": {
    read: readDurationAboveZero,
    about: { value: "TIME", help: "from a request's first byte to the end of its head, then 408", shown: "10s" },
  },
  "http.idle_timeout": {
    read: readDurationAboveZero,
    about: { value: "TIME", help: "longest silence while a body is sent or taken", shown: "30s" },
  },
  "http.keep_alive_timeout": {
    read: readDurationAboveZero,
    about: { value: "TIME", help: "longest wait for a connection's next request", shown: "65s" },
  },
  "http.connections_max": {
    read: readCount(1, 10_000_000),
    about: { value: "N", help: "connections open at once, in one worker; more are answered 503", shown: "20000" },
  },
} as const satisfies SettingTable;

/** Given values of any table that holds these. */
interface HttpValues {
  value(key: keyof typeof HTTP_SETTINGS, absent: number): number;
}

export function settleHttp(given: HttpValues, bodyMaxBytes: number): HttpLimits {
  return {
    bodyMaxBytes: given.value("http.body_max", bodyMaxBytes),
    headerMaxBytes: given.value("http.header_max", 32 * KIB),
    targetMaxBytes: given.value("http.target_max", 16 * KIB),
    headerTimeoutMs: given.value("http.header_timeout", 10 * SECOND_MS),
    idleTransferTimeoutMs: given.value("http.idle_timeout", 30 * SECOND_MS),
    keepAliveTimeoutMs: given.value("http.keep_alive_timeout", 65 * SECOND_MS),
    connectionMaxCount: given.value("http.connections_max", 20_000),
  };
}
