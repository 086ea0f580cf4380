/**
 * Port owner: whether the listener of a port is one of these processes. A
 * program that finds its port taken may well say nothing and go on; then its
 * calls would reach somebody else. From /proc, once per start.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export type PortOwner = "ours" | "another" | "unknown";

const LISTEN = "0A";
/** Columns of /proc/net/tcp. */
const LOCAL_ADDRESS = 1;
const STATE = 3;
const INODE = 9;

export function ownerOf(port: number, pids: readonly number[]): PortOwner {
  const inodes = new Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => listenersIn(read(file), port)));
  if (inodes.size === 0) return "unknown";
  return pids.some((pid) => socketsOf(pid).some((inode) => inodes.has(inode))) ? "ours" : "another";
}

/** Pure: inodes of the sockets that listen on the port at an address that 127.0.0.1 reaches, or at any of IPv6. */
export function listenersIn(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").flatMap((line) => {
    // A look at the text first: a busy machine has tens of thousands of lines.
    if (!line.includes(suffix)) return [];
    const columns = line.trim().split(/\s+/);
    return columns[LOCAL_ADDRESS]?.endsWith(suffix) && columns[STATE] === LISTEN ? [columns[INODE]!] : [];
  });
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1] ?? []);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
