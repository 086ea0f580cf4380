/**
 * Free port: a port of 127.0.0.1 for one instance. Taken below the range from
 * which the system hands out ports by itself, so that no outbound connection of
 * anybody can take it between our look and the program's bind; at random, so that
 * workers, who know nothing of each other, rarely choose the same. A race is left
 * with whoever chooses as we do: port-owner.ts notices.
 */
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const FIRST_PORT = 10_000;
const EPHEMERAL_DEFAULT = 32_768;
/** Fewer to choose from are no choice: then the system's own. */
const RANGE_MIN = 2_000;
const TRIES_MAX = 50;
const LOOPBACK = "127.0.0.1";

/** Of this worker's instances. */
const taken = new Set<number>();

/** 0 when none was found. Give it back with `releasePort`. */
export async function takePort(): Promise<number> {
  const end = ephemeralStart();
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const wanted = end - FIRST_PORT < RANGE_MIN ? 0 : randomInt(FIRST_PORT, end);
    if (taken.has(wanted)) continue;
    const port = await bound(wanted);
    if (port === 0 || taken.has(port)) continue;
    taken.add(port);
    return port;
  }
  return 0;
}

export function releasePort(port: number): void {
  taken.delete(port);
}

/** The port, if it could be listened on; 0 if not. */
function bound(port: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer();
  server.once("error", () => resolve(0));
  server.listen({ host: LOOPBACK, port, exclusive: true }, () => {
    const address = server.address();
    server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
  });
  return promise;
}

function ephemeralStart(): number {
  try {
    return Number.parseInt(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1"), 10) || EPHEMERAL_DEFAULT;
  } catch {
    return EPHEMERAL_DEFAULT;
  }
}
