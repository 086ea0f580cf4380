/**
 * Handoff: where reusePort does not exist (macOS, Windows) the supervisor
 * listens and hands accepted connections to the workers in turn, over their
 * message channels. It never reads a byte of them.
 */
import { createServer, type Socket } from "node:net";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { bindFailure } from "./port-probe.ts";

export interface Handoff {
  readonly port: number;
  /** Stops accepting; connections already handed over live on in their workers. */
  close(): void;
}

/** Only Linux (and FreeBSD 14) spread connections over the sockets that share a port; elsewhere one socket gets them all. */
export const sharesPorts = process.platform === "linux";

/** `take` passes a connection to the next worker; false when none takes any, and the client is turned away. */
export function listenAndHandOff(host: string, port: number, take: (socket: Socket) => boolean): Promise<Result<Handoff, Failure>> {
  // Paused: a byte read here would be missing there.
  const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    if (!take(socket)) socket.destroy();
  });
  return new Promise((resolve) => {
    server.once("error", (error) => resolve(fail(bindFailure(error, host, port))));
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      resolve(ok({ port: bound, close: () => void server.close() }));
    });
  });
}
