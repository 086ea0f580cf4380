/**
 * Connection context: what all connections of a listener share, and the only
 * way by which a connection speaks to its listener.
 */
import type { HttpLimits } from "../config/config.ts";
import type { Connection } from "./connection.ts";
import type { Exchange } from "./exchange.ts";
import type { Refusal } from "./refusal.ts";
import type { HeadParser } from "./request-head.ts";

export interface ConnectionContext {
  readonly limits: HttpLimits;
  readonly headParser: HeadParser;
  /** Counts sweeps: the only clock that connections read. */
  tick: number;
  /** Answers say `connection: close` from now on. */
  draining: boolean;
  onExchange(exchange: Exchange): void;
  onRefused(reason: Refusal, remoteAddress: string): void;
  onInvalidAnswer(exchange: Exchange, status: number): void;
  onClosed(connection: Connection): void;
}

export type Transport = "tcp" | "unix" | "tls";
