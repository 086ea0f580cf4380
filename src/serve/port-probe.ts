/**
 * Port probe: proves that an address is ours before the workers share it.
 * Workers bind with reusePort, which lets any process of the same user join in
 * silently, so two proofs come first. An exclusive bind shows that nobody
 * listens; it must be closed again before the workers bind, and in that gap, or
 * while the only worker restarts, a second server could slip in: a claim (a
 * name in Linux's abstract socket namespace, gone with its process) keeps other
 * Pilotlights out for as long as we run. Port 0 needs neither: the kernel never
 * picks a shared port for a bind to 0, so the first worker's bind decides.
 */
import { BoundSocket, type BoundSocketOptions, createServer, isIP, type Socket } from "node:net";
import { type Failure, fail, ok, type Result } from "../base/result.ts";

/** Holds the claim; keeps no event loop alive. */
export interface PortClaim {
  release(): void;
}

export async function claimPort(host: string, port: number): Promise<Result<PortClaim>> {
  if (port === 0) return ok({ release() {} });
  const claim = claimName(host, port);
  if (!claim.ok) return claim;
  const probed = isIP(host) === 0 ? await probeByName(host, port) : bind({ host, port });
  if (!probed.ok) {
    claim.value.release();
    return fail(bindFailure(probed.failure, host, port));
  }
  if (probed.value !== null) probed.value.close();
  return claim;
}

/** One line for each way a bind fails, naming who could mend it. */
export function bindFailure(error: NodeJS.ErrnoException, host: string, port: number): Failure {
  const address = formatAddress(host, port);
  switch (error.code) {
    case "EADDRINUSE":
      return inUse(address, port);
    case "EACCES":
      return {
        code: "PORT_FORBIDDEN",
        message: `Cannot listen on ${address}: ports below 1024 are reserved to the system`,
        hint: `Choose another port with --port, or have an administrator run: sysctl net.ipv4.ip_unprivileged_port_start=${port}`,
      };
    default:
      return {
        code: "HOST_UNAVAILABLE",
        message: `Cannot listen on ${address}: ${describe(error)}`,
        hint: "Give --host an address of this machine: 127.0.0.1 for this machine alone, 0.0.0.0 for everyone who can reach it",
      };
  }
}

export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function inUse(address: string, port: number): Failure {
  return {
    code: "PORT_IN_USE",
    message: `Cannot listen on ${address}: another process already does`,
    hint: `Stop it (find it with: ss -ltnp 'sport = :${port}') or choose another port with --port`,
  };
}

function describe(error: NodeJS.ErrnoException): string {
  if (error.code === "EADDRNOTAVAIL") return "this machine has no such address";
  if (error.code === "ENOTFOUND" || error.code === "EAI_AGAIN") return "the name has no address";
  return error.message;
}

/**
 * The user id is in the name because the kernel, too, shares a port only among
 * one user's processes. Elsewhere than on Linux the supervisor listens itself
 * and needs no claim.
 */
function claimName(host: string, port: number): Result<PortClaim> {
  if (process.platform !== "linux") return ok({ release() {} });
  const claimed = bind({ path: `\0pilotlight/${process.getuid?.() ?? 0}/${formatAddress(host, port)}` });
  if (claimed.ok) return ok({ release: () => claimed.value.close() });
  // Abstract names may be forbidden (some sandboxes); the exclusive bind alone must do then.
  if (claimed.failure.code !== "EADDRINUSE") return ok({ release() {} });
  return fail(inUse(formatAddress(host, port), port));
}

/**
 * Binds and does not listen, which is enough to be refused where somebody does
 * (why not `listen`: http/listen-target.ts).
 */
function bind(options: BoundSocketOptions | { readonly path: string }): Result<BoundSocket, NodeJS.ErrnoException> {
  try {
    // Its types don't know a path yet.
    return ok(new BoundSocket(options as BoundSocketOptions));
  } catch (error) {
    return fail(error as NodeJS.ErrnoException);
  }
}

/** For a host name: `listen` resolves it. */
async function probeByName(host: string, port: number): Promise<Result<null, NodeJS.ErrnoException>> {
  // A client may already be knocking: kept open, its connection would keep the probe from closing.
  const server = createServer((socket: Socket) => socket.destroy());
  const failure = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    server.once("error", resolve);
    server.listen({ host, port, exclusive: true }, () => resolve(null));
  });
  if (failure !== null) return fail(failure);
  await new Promise((resolve) => server.close(resolve));
  return ok(null);
}
