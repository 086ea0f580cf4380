/**
 * ListenTarget: what a server is told to listen on. Numeric addresses are bound
 * here and now, because `listen` passes even them through a lookup, whose test
 * for link-local addresses compiles a regular expression for 6 to 9 ms in every
 * fresh process; only host names need that.
 */
import { BoundSocket, isIP, type ListenOptions } from "node:net";

export interface ListenAddress {
  readonly host: string;
  /** 0 asks the system for a free one. */
  readonly port: number;
  /** Shares the port with whoever says so too. */
  readonly reusePort?: boolean;
}

/** For `server.listen`. Throws what bind(2) says, with its code. */
export function listenTarget({ host, port, reusePort = false }: ListenAddress): BoundSocket | ListenOptions {
  if (isIP(host) === 0) return { host, port, reusePort, exclusive: true };
  return new BoundSocket({ host, port, reusePort });
}
