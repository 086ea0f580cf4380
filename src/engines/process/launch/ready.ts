/**
 * Ready: hears how a process wants to be called: by its first words on a unix
 * socket, or by listening on its port, whatever comes first, within a time
 * (docs/process-protocol.md, "Being started"). One connection is taken. Every way
 * to fail is told with what was heard and the last lines of standard error. Knows
 * nothing of how the process was started, and does not end it.
 */
import { existsSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { fail, ok, type Result } from "../../../base/result.ts";
import { formatDuration } from "../../../base/units.ts";
import { type Expected, readHello, shownBytes } from "./hello.ts";
import type { Hello, LaunchFailure, LaunchFailureCode, ProcessEnd } from "./launched.ts";
import type { PortOwner } from "./port-owner.ts";
import { startHint } from "./start-hint.ts";

export interface ReadyOrder {
  readonly functionId: string;
  readonly expected: Expected;
  /** null waits for ever. */
  readonly timeoutMs: number | null;
  /** 0 for none: the socket alone is listened to. */
  readonly port: number;
  ownerOf(port: number): PortOwner;
  lastErrorLines(): string;
}

const LOOPBACK = "127.0.0.1";
const PORT_WAIT_MIN_MS = 2;
const PORT_WAIT_MAX_MS = 50;

export class ReadySocket {
  readonly path: string;
  readonly #server: Server;
  /** Whoever connects first; a forked process may do so before it is listened to. */
  readonly #connected: Promise<Socket>;
  #isHeard = false;

  private constructor(path: string, server: Server) {
    this.path = path;
    this.#server = server;
    this.#connected = new Promise((resolve) => {
      server.once("connection", (socket: Socket) => {
        // Whoever comes second is nobody: the name is gone, and the queue behind it.
        this.#stopListening();
        socket.on("error", () => {});
        resolve(socket);
      });
    });
  }

  /** Listens before the process is started. Rejects with the system's error. */
  static async open(path: string): Promise<ReadySocket> {
    const server = createServer();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = new ReadySocket(path, server);
    // Later an accept that fails (no descriptors left) is met again by the next; until then the time-out runs.
    server.on("error", reject);
    server.listen(path, resolve);
    await promise;
    return socket;
  }

  /**
   * Settles when the process has said how it is called, or never will. `ended` may come at any time. The socket stays: a
   * program that listened on its port first may still want to say its READY, and would fail without anybody to hear it.
   */
  hear(order: ReadyOrder, ended: Promise<ProcessEnd>): Promise<Result<Hello, LaunchFailure>> {
    this.#isHeard = true;
    return new Promise((resolve) => {
      const hearing = new Hearing(order, this.path, resolve);
      void this.#connected.then((socket) => hearing.connected(socket));
      void ended.then((end) => hearing.processEnded(end));
    });
  }

  /** Nobody can connect any more; a connection that was handed over stays. Twice is as good as once. */
  close(): void {
    this.#stopListening();
    if (!this.#isHeard) void this.#connected.then((socket) => socket.destroy());
  }

  #stopListening(): void {
    this.#server.close(() => {});
    rmSync(this.path, { force: true });
  }
}

class Hearing {
  readonly #order: ReadyOrder;
  readonly #socketPath: string;
  readonly #settle: (result: Result<Hello, LaunchFailure>) => void;
  readonly #deadline: NodeJS.Timeout | null;
  #isSettled = false;
  #isReady = false;
  #socket: Socket | null = null;
  readonly #listeners: readonly (readonly [event: string, listener: () => void])[] = [
    // Not "data": whoever gets the socket then would have to know that it was made to flow once.
    ["readable", () => this.#readable()],
    ["end", () => this.#connectionEnded()],
    // After an error there is no end.
    ["close", () => this.#connectionEnded()],
  ];
  #heard: Buffer = Buffer.alloc(0);
  /** It said a bare READY: what is left is its port. */
  #saidBare = false;
  #portWait: NodeJS.Timeout | null = null;
  #portProbe: Socket | null = null;

  constructor(order: ReadyOrder, socketPath: string, settle: (result: Result<Hello, LaunchFailure>) => void) {
    this.#order = order;
    this.#socketPath = socketPath;
    this.#settle = settle;
    this.#deadline = order.timeoutMs === null ? null : setTimeout(() => this.#timedOut(), order.timeoutMs);
    if (order.port !== 0) this.#probePort(PORT_WAIT_MIN_MS);
  }

  connected(socket: Socket): void {
    if (this.#isSettled && !this.#isReady) {
      socket.destroy();
      return;
    }
    if (this.#isSettled) {
      socket.on("end", () => socket.destroy()).resume();
      return;
    }
    this.#socket = socket;
    for (const [event, listener] of this.#listeners) socket.on(event, listener);
  }

  processEnded(end: ProcessEnd): void {
    const heard = this.#saidBare ? " after READY, before it listened on its port" : this.#heardSoFar(" before READY");
    // As daemons do, who put themselves into the background: their first process ends well.
    const hint = end.code === 0 && this.#order.expected !== "stdio" ? "; a program that is called stays in the foreground" : "";
    this.#fail("ENDED_EARLY", `it ended${heard}: ${end.told}${hint}`);
  }

  #readable(): void {
    const chunk = this.#socket?.read() as Buffer | null | undefined;
    if (chunk) this.#read(chunk);
  }

  #read(chunk: Buffer): void {
    this.#heard = this.#heard.length === 0 ? chunk : Buffer.concat([this.#heard, chunk]);
    if (this.#saidBare) {
      this.#fail("BAD_READY", `it said ${shownBytes(this.#heard)} on its socket: nothing may follow a READY alone`);
      return;
    }
    const reading = readHello(this.#heard, this.#order.expected);
    if (reading.state === "more") return;
    if (reading.state === "wrong") {
      this.#fail("BAD_READY", reading.why);
    } else if (reading.way === "http") {
      this.#saidBare = true;
      this.#bareReady();
    } else {
      this.#handOver(reading.way, reading.concurrency, this.#heard.subarray(reading.length));
    }
  }

  /** Aetherless's way: it listens on its port, now or in a moment. */
  #bareReady(): void {
    if (this.#order.port === 0)
      this.#fail(
        "BAD_READY",
        "it wants to be called by HTTP (a READY alone), and has no port to listen on: not in a network namespace, and not from a fork server",
      );
  }

  #handOver(way: Hello["way"], concurrency: number | null, rest: Buffer): void {
    const socket = this.#socket!;
    this.#socket = null;
    // That of "error" stays: between now and the next owner's it would be nobody's, and end this process.
    for (const [event, listener] of this.#listeners) socket.removeListener(event, listener);
    if (rest.length > 0) socket.unshift(rest);
    this.#finish(ok({ way, connection: socket, concurrency }));
  }

  #connectionEnded(): void {
    if (!this.#saidBare) this.#fail("BAD_READY", `it closed its connection${this.#heardSoFar(" without a word")}`);
  }

  #probePort(waitMs: number): void {
    const probe = connect({ host: LOOPBACK, port: this.#order.port });
    this.#portProbe = probe;
    probe.once("connect", () => {
      probe.destroy();
      this.#portFound();
    });
    probe.once("error", () => {
      probe.destroy();
      if (this.#isSettled) return;
      this.#portWait = setTimeout(() => this.#probePort(Math.min(PORT_WAIT_MAX_MS, waitMs * 2)), waitMs);
    });
  }

  #portFound(): void {
    const { port } = this.#order;
    if (this.#order.ownerOf(port) === "another")
      this.#fail("BAD_READY", `port ${port}, which was to be its own, was taken by another program meanwhile; its next start has another`);
    else this.#finish(ok({ way: "http", connection: null, concurrency: null }));
  }

  #timedOut(): void {
    const within = `within ${formatDuration(this.#order.timeoutMs!)}`;
    const { port } = this.#order;
    if (this.#saidBare) {
      this.#fail("READY_TIMEOUT", `it said READY, and did not listen on its port ${port} (PORT) ${within}`);
      return;
    }
    const isGone = this.#socket === null && !existsSync(this.#socketPath);
    const gone = isGone ? `; its socket ${this.#socketPath} was removed by somebody, so that it could not connect` : "";
    const orPort = port === 0 ? "" : `, nor listened on its port ${port} (PORT)`;
    this.#fail(
      "READY_TIMEOUT",
      `it has not said READY${orPort} ${within}${this.#heardSoFar("")}${gone}; raise ready_timeout if it needs longer`,
    );
  }

  #heardSoFar(nothing: string): string {
    return this.#heard.length === 0 ? nothing : `; it said only ${shownBytes(this.#heard)}`;
  }

  #fail(code: LaunchFailureCode, what: string): void {
    if (this.#isSettled) return;
    const lines = this.#order.lastErrorLines();
    const stderr = lines === "" ? "" : `\nThe last lines of its standard error:\n${lines}`;
    const hint = startHint(lines);
    const toDo = hint === "" ? "" : `\n${hint}`;
    this.#finish(fail({ code, message: `Cannot start ${this.#order.functionId}: ${what}${stderr}${toDo}` }));
  }

  #finish(result: Result<Hello, LaunchFailure>): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#isReady = result.ok;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    if (this.#portWait !== null) clearTimeout(this.#portWait);
    this.#portProbe?.destroy();
    this.#socket?.destroy();
    this.#settle(result);
  }
}
