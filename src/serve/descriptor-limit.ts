/**
 * Descriptor limit: how many connections fit into the files a process may
 * open. With every descriptor taken by a client nothing works any more: no
 * static file, no fetch, no bundle, and no word to whoever is turned away.
 */
import { builtin } from "../base/builtin.ts";
import type { HttpLimits } from "../config/config.ts";

/** For what is no client's connection: files, fetches, forwarding, connections that are being turned away. */
const RESERVED_COUNT = 256;
const CONNECTIONS_MIN_COUNT = 64;

/** Of this process, and so of those it starts; Infinity where nobody says. */
export function openFilesMaxCount(): number {
  try {
    return parseOpenFiles(builtin.fs.readFileSync("/proc/self/limits", "latin1"));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** The soft limit, which Node has raised to the hard one. */
export function parseOpenFiles(limits: string): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

export function connectionsThatFit(openFiles: number, connectionMaxCount: number): number {
  return Math.min(connectionMaxCount, Math.max(CONNECTIONS_MIN_COUNT, openFiles - RESERVED_COUNT));
}

/** Null while the wanted connections could be open at all. */
export function descriptorNotice({ connectionMaxCount }: HttpLimits, openFiles: number): string | null {
  if (openFiles >= connectionMaxCount) return null;
  const fit = connectionsThatFit(openFiles, connectionMaxCount);
  return `A worker takes at most ${fit} connections, not ${connectionMaxCount} (http.connections_max): it may open ${openFiles} files. Raise ulimit -n, or LimitNOFILE in the systemd unit`;
}
