/**
 * Is anybody there? Looks the name up once and tries its addresses in order,
 * so that an unreachable target is one clear line at once instead of a run of
 * errors, and no request of the run waits for a resolver.
 */
import { lookup } from "node:dns/promises";
import { connect } from "node:net";
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import type { LoadPlan } from "./plan.ts";
import { describeSocketError } from "./socket-opener.ts";

const PROBE_MAX_MS = 10_000;

/** The address to connect to; the failure says why there is none. */
export async function findTarget({ target, timeoutMs }: Pick<LoadPlan, "target" | "timeoutMs">): Promise<Result<string>> {
  const { host, port } = target;
  const place = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  let addresses: readonly { readonly address: string }[];
  try {
    addresses = await lookup(host, { all: true });
  } catch (error) {
    const state = (error as NodeJS.ErrnoException).code === "ENOTFOUND" ? "there is no such name" : (error as Error).message;
    return fail(unreachable(`Cannot find ${host}: ${state}`, "Check the URL's spelling and the resolver"));
  }
  let reason = `${place} has no address`;
  for (const { address } of addresses) {
    const refusal = await probe(address, port, place, Math.min(timeoutMs, PROBE_MAX_MS));
    if (refusal === null) return ok(address);
    reason = refusal;
  }
  return fail(unreachable(`Cannot measure: ${reason}`, "Is the server running, and the port right?"));
}

function unreachable(message: string, hint: string): Failure {
  return { code: "LOAD_UNREACHABLE", message, hint };
}

/** Null when somebody accepts connections there. */
function probe(host: string, port: number, place: string, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (reason: string | null): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reason);
    };
    const timer = setTimeout(() => end(`${place} does not answer within ${timeoutMs} ms`), timeoutMs);
    socket.once("connect", () => end(null));
    socket.once("error", (error) => end(describeSocketError(error, place, false).message));
  });
}
