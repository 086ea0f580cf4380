/**
 * Fork peer: the server's side of a fork server (docs/process-protocol.md, "The
 * fork server"), scripted by a test. Its instances are process peers.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRingFile } from "../../src/engines/process/ring/ring-file.ts";
import { endOf, firstLine, type PeerOptions, type ProcessExit, ProcessPeer } from "./process-peer.ts";

const PATIENCE_MS = 20_000;

export class ForkPeer {
  readonly pid: number;
  readonly socket: Socket;
  readonly ready: string;
  readonly exited: Promise<ProcessExit>;
  readonly #folder: string;
  readonly #kill: (signal: NodeJS.Signals) => void;
  readonly #log: () => string;
  readonly #lines: string[] = [];
  #rest = "";
  #waiters: (() => void)[] = [];

  constructor(started: {
    pid: number;
    socket: Socket;
    ready: string;
    exited: Promise<ProcessExit>;
    folder: string;
    kill: (signal: NodeJS.Signals) => void;
    log: () => string;
  }) {
    this.pid = started.pid;
    this.socket = started.socket;
    this.ready = started.ready;
    this.exited = started.exited;
    this.#folder = started.folder;
    this.#kill = started.kill;
    this.#log = started.log;
    this.socket.on("error", () => {});
    this.socket.on("data", (bytes: Buffer) => {
      const lines = (this.#rest + bytes.toString()).split("\n");
      this.#rest = lines.pop()!;
      this.#lines.push(...lines);
      for (const waiter of this.#waiters.splice(0)) waiter();
    });
  }

  get log(): string {
    return this.#log();
  }

  /** A line that it said, by a pattern; each is given once. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    const untilMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const index = this.#lines.findIndex((line) => pattern.test(line));
      if (index !== -1) return pattern.exec(this.#lines.splice(index, 1)[0]!)!;
      if (performance.now() > untilMs) throw new Error(`${pattern} was not said, but ${this.#lines.join(", ")}: ${this.log}`);
      await Promise.race([new Promise<void>((resolve) => this.#waiters.push(resolve)), new Promise((resolve) => setTimeout(resolve, 500))]);
    }
  }

  /** An instance that has said READY, and its process id. */
  async fork(id: number, ring: PeerOptions["ring"] = null): Promise<{ instance: ProcessPeer; pid: number }> {
    const path = join(this.#folder, `instance-${id}`);
    const server = createServer().listen(path);
    await once(server, "listening");
    const file = ring === null ? null : createRingFile(ring);
    if (file !== null && !file.ok) throw new Error(file.failure.message);
    this.socket.write(`FORK ${id} ${path} ${file?.value.path ?? "-"}\n`);
    try {
      const socket = await accepted(server);
      const { line, rest } = await firstLine(socket);
      const pid = Number((await this.said(new RegExp(`^FORKED ${id} (\\d+)$`)))[1]);
      const exited = once(socket, "close").then(() => ({ code: null, signal: null }));
      const kill = (): void => void socket.destroy();
      return { instance: new ProcessPeer({ kill, exited, socket, ring: file?.value ?? null, ready: line, rest, log: this.#log }), pid };
    } finally {
      server.close();
    }
  }

  /** SIGKILL to the fork server alone. */
  kill(): void {
    this.#kill("SIGKILL");
  }

  async end(): Promise<void> {
    this.socket.destroy();
    this.kill();
    await this.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export async function startForkPeer(command: readonly string[], env: NodeJS.ProcessEnv): Promise<ForkPeer> {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-fork-"));
  const path = join(folder, "fork");
  const server = createServer().listen(path);
  await once(server, "listening");
  const child = spawn(command[0]!, command.slice(1), {
    env: { PATH: process.env["PATH"], PILOTLIGHT_SOCKET: path, PILOTLIGHT_FORK: "1", PILOTLIGHT_INSTANCE: "0", ...env },
    stdio: ["ignore", "inherit", "pipe"],
  });
  let log = "";
  child.stderr!.on("data", (text) => {
    log += text;
  });
  const exited = endOf(child);
  try {
    const socket = await accepted(server);
    const { line } = await firstLine(socket);
    return new ForkPeer({ pid: child.pid!, socket, ready: line, exited, folder, kill: (signal) => child.kill(signal), log: () => log });
  } finally {
    server.close();
  }
}

async function accepted(server: Server): Promise<Socket> {
  const [socket] = (await once(server, "connection", { signal: AbortSignal.timeout(PATIENCE_MS) })) as [Socket];
  return socket;
}
