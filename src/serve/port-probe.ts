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
import { createServer, type Server, type Socket } from "node:net";
import { type Failure, fail, ok, type Result } from "../base/result.ts";

/** Holds the claim; keeps no event loop alive. */
export interface PortClaim {
  release(): void;
}

export async function claimPort(host: string, port: number): Promise<Result<PortClaim>> {
  if (port === 0) return ok({ release() {} });
  const claim = await claimName(host, port);
  if (!claim.ok) return claim;
  // A client may already be knocking: kept open, its connection would keep the probe from closing.
  const probe = await listenOnce(createServer(turnAway), { host, port, exclusive: true });
  if (!probe.ok) {
    claim.value.release();
    return fail(bindFailure(probe.failure, host, port));
  }
  await new Promise((resolve) => probe.value.close(resolve));
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
async function claimName(host: string, port: number): Promise<Result<PortClaim>> {
  if (process.platform !== "linux") return ok({ release() {} });
  const name = `\0pilotlight/${process.getuid?.() ?? 0}/${formatAddress(host, port)}`;
  const server = createServer(turnAway);
  const claimed = await listenOnce(server, { path: name });
  if (claimed.ok) {
    server.unref();
    return ok({ release: () => void server.close() });
  }
  // Abstract names may be forbidden (some sandboxes); the exclusive bind alone must do then.
  if (claimed.failure.code !== "EADDRINUSE") return ok({ release() {} });
  return fail(inUse(formatAddress(host, port), port));
}

function turnAway(socket: Socket): void {
  socket.destroy();
}

type ListenTarget = { readonly path: string } | { readonly host: string; readonly port: number; readonly exclusive: true };

function listenOnce(server: Server, target: ListenTarget): Promise<Result<Server, NodeJS.ErrnoException>> {
  return new Promise((resolve) => {
    server.once("error", (error) => resolve(fail(error as NodeJS.ErrnoException)));
    server.listen(target, () => resolve(ok(server)));
  });
}
