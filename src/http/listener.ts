/**
 * Listener: HTTP/1.1 on TCP, TLS or a unix socket. Accepts, counts and drains
 * connections, and hands every valid request up as an Exchange. Why it is not
 * node:http: docs/decisions/0002-http-listener.md.
 * Must not know functions, routes or configuration beyond HttpLimits.
 */
import { type BoundSocket, createServer, type ListenOptions, type Server, type Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";
import { builtin } from "../base/builtin.ts";
import type { HttpLimits, TlsConfig } from "../config/config.ts";
import { Connection } from "./connection.ts";
import type { ConnectionContext, Transport } from "./connection-context.ts";
import type { Exchange } from "./exchange.ts";
import { type ListenAddress, listenTarget } from "./listen-target.ts";
import { refusal } from "./refusal.ts";
import { HeadParser } from "./request-head.ts";
import { intake, readAsStream } from "./socket-intake.ts";
import { sweepIntervalMs, tickLimits } from "./sweep.ts";
import { CredentialsError, readCredentials, watchCredentials } from "./tls-credentials.ts";

/** The system caps it at net.core.somaxconn. */
const BACKLOG = 4096;
/** Connections over the limit that are being told so; beyond these even the telling costs too much. */
const TURNED_AWAY_MAX_COUNT = 64;
/** At draining, how long a connection that has not said a word may still bring its first request. */
const FRESH_GRACE_MS = 500;
const DRAIN_ACCEPT_MAX_MS = 200;

export interface ListenerOptions {
  readonly limits: HttpLimits;
  readonly tls: TlsConfig | null;
  /** Called once per valid request; must answer it exactly once. */
  readonly onExchange: (exchange: Exchange) => void;
  /** A request (or connection, at 503) that the listener answered itself. */
  readonly onRefused?: (status: number, reason: string, remoteAddress: string) => void;
  /** An answer with an invalid status or header line; the client got a 500. */
  readonly onInvalidAnswer?: (exchange: Exchange, reason: string) => void;
  readonly log?: (level: "info" | "error", message: string) => void;
}

/** Plain numbers, changed in place: read them, don't keep copies. */
export interface ListenerCounters {
  connectionsOpen: number;
  connectionsTotal: number;
  readonly refusedByStatus: Record<string, number>;
}

export interface Listener {
  readonly counters: ListenerCounters;
  /** Resolves with the port; rejects with the system's error (EADDRINUSE, EACCES) or a CredentialsError. */
  listenTcp(on: ListenAddress): Promise<number>;
  /** A stale socket file at `path` is replaced. */
  listenUnix(path: string): Promise<void>;
  /** Before the first `adopt`. Throws a CredentialsError. */
  prepareToAdopt(): void;
  /** Serves a connection that another process accepted (platforms without reusePort); it must be paused. */
  adopt(socket: Socket): void;
  /** From now on fewer connections at once than the limits say, or as many. */
  limitConnections(maxCount: number): void;
  /**
   * Takes what is queued, stops listening, finishes answers under way; destroys what is left after `graceMs`. `letGo` is
   * called when it listens no more and keeps no connection that waits for its next request.
   */
  drain(graceMs: number, letGo?: () => void): Promise<void>;
}

export function createListener(options: ListenerOptions): Listener {
  return new HttpListener(options);
}

class HttpListener implements Listener {
  readonly counters: ListenerCounters = {
    connectionsOpen: 0,
    connectionsTotal: 0,
    refusedByStatus: {},
  };
  readonly #options: ListenerOptions;
  #connectionMaxCount: number;
  readonly #context: ConnectionContext;
  readonly #connections = new Set<Connection>();
  readonly #turnedAway = new Set<Connection>();
  readonly #servers = new Set<Server>();
  /** Never listens: its connections come by `adopt`. */
  #adopter: Server | null = null;
  #sweepTimer: NodeJS.Timeout | null = null;
  #onEmpty: (() => void) | null = null;
  #stopWatching: (() => void) | null = null;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { limits, onExchange } = options;
    this.#connectionMaxCount = limits.connectionMaxCount;
    this.#context = {
      limits,
      headParser: new HeadParser(limits),
      tick: 0,
      draining: false,
      onExchange,
      onRefused: (reason, remoteAddress) => {
        const { refusedByStatus } = this.counters;
        refusedByStatus[reason.status] = (refusedByStatus[reason.status] ?? 0) + 1;
        options.onRefused?.(reason.status, reason.message, remoteAddress);
      },
      onInvalidAnswer: (exchange, status) => {
        options.onInvalidAnswer?.(exchange, `Invalid status or header line in an answer with status ${status}`);
      },
      onClosed: (connection) => this.#onClosed(connection),
    };
  }

  async listenTcp(on: ListenAddress): Promise<number> {
    const server = this.#tcpServer();
    await this.#listen(server, listenTarget(on));
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : on.port;
  }

  async listenUnix(path: string): Promise<void> {
    if (builtin.fs.lstatSync(path, { throwIfNoEntry: false })?.isSocket()) builtin.fs.rmSync(path);
    await this.#listen(this.#plainServer("unix"), { path });
  }

  prepareToAdopt(): void {
    this.#adopter = this.#tcpServer();
    this.#sweepTimer ??= this.#startSweep();
  }

  adopt(socket: Socket): void {
    this.#adopter?.emit("connection", socket);
  }

  limitConnections(maxCount: number): void {
    this.#connectionMaxCount = maxCount;
    if (this.#options.tls === null) return;
    for (const server of this.#servers) server.maxConnections = maxCount + TURNED_AWAY_MAX_COUNT;
  }

  #tcpServer(): Server {
    return this.#options.tls === null ? this.#plainServer("tcp") : this.#tlsServer(this.#options.tls);
  }

  #plainServer(transport: Transport): Server {
    const server = createServer({ noDelay: true, pauseOnConnect: true, allowHalfOpen: true });
    server.on("connection", (accepted: Socket) => {
      // The connection is made from its socket and the socket from the connection's callback: tied by a variable.
      let connection: Connection;
      const socket = intake(accepted, (segment, length) => connection.onBytes(segment, length));
      connection = new Connection(socket, transport, this.#context);
      this.#admit(connection);
    });
    return server;
  }

  #tlsServer(tls: TlsConfig): Server {
    const credentials = readCredentials(tls);
    if (!credentials.ok) throw new CredentialsError(credentials.failure);
    const server: TlsServer = builtin.tls.createServer({
      ...credentials.value,
      ALPNProtocols: ["http/1.1"],
      minVersion: "TLSv1.2",
      noDelay: true,
      allowHalfOpen: true,
      handshakeTimeout: this.#options.limits.headerTimeoutMs,
    });
    // Handshakes under way are not connections yet; they must be bounded all the same.
    server.maxConnections = this.#connectionMaxCount + TURNED_AWAY_MAX_COUNT;
    server.on("secureConnection", (socket: Socket) => {
      const connection = new Connection(socket, "tls", this.#context);
      readAsStream(socket, (segment, length) => connection.onBytes(segment, length));
      this.#admit(connection);
    });
    this.#stopWatching = watchCredentials(tls, (renewed) => this.#renew(server, renewed));
    return server;
  }

  #renew(server: TlsServer, renewed: ReturnType<typeof readCredentials>): void {
    if (renewed.ok) {
      server.setSecureContext(renewed.value);
      this.#options.log?.("info", "TLS certificate and key were reloaded");
    } else {
      this.#options.log?.("error", `${renewed.failure.message}; the old ones stay in use`);
    }
  }

  #listen(server: Server, on: BoundSocket | ListenOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(on, BACKLOG, () => {
        server.off("error", reject);
        // Errors of accept (too many open files) leave the server listening; the client is refused by the system.
        server.on("error", (error) => this.#options.log?.("error", `Cannot accept a connection: ${error.message}`));
        this.#servers.add(server);
        this.#sweepTimer ??= this.#startSweep();
        resolve();
      });
    });
  }

  #admit(connection: Connection): void {
    this.counters.connectionsTotal++;
    if (this.#connections.size >= this.#connectionMaxCount) {
      this.#turnAway(connection);
    } else {
      this.#connections.add(connection);
      this.counters.connectionsOpen = this.#connections.size;
    }
  }

  #turnAway(connection: Connection): void {
    if (this.#turnedAway.size >= TURNED_AWAY_MAX_COUNT) {
      connection.destroy();
      return;
    }
    this.#turnedAway.add(connection);
    connection.refuse(refusal(503, "TOO_MANY_CONNECTIONS", "The server has as many connections as it takes: try again shortly"));
  }

  #onClosed(connection: Connection): void {
    this.#turnedAway.delete(connection);
    this.#connections.delete(connection);
    this.counters.connectionsOpen = this.#connections.size;
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  #startSweep(): NodeJS.Timeout {
    const limits = tickLimits(this.#options.limits);
    const timer = setInterval(() => {
      this.#context.tick++;
      for (const connection of this.#connections) connection.sweep(limits);
      for (const connection of this.#turnedAway) connection.sweep(limits);
    }, sweepIntervalMs(this.#options.limits));
    return timer.unref();
  }

  async drain(graceMs: number, letGo?: () => void): Promise<void> {
    this.#context.draining = true;
    const deadlineMs = performance.now() + graceMs;
    await this.#acceptQueued();
    for (const server of this.#servers) server.close();
    this.#servers.clear();
    this.#stopWatching?.();
    this.#closeIdle(false);
    letGo?.();
    if (this.#connections.size > 0) await this.#untilEmpty(Math.min(FRESH_GRACE_MS, graceMs));
    this.#closeIdle(true);
    if (this.#connections.size > 0) await this.#untilEmpty(Math.max(0, deadlineMs - performance.now()));
    for (const connection of [...this.#connections, ...this.#turnedAway]) connection.destroy();
    if (this.#sweepTimer !== null) clearInterval(this.#sweepTimer);
    this.#sweepTimer = null;
  }

  /**
   * The system resets what waits in the queue of a listener that closes: clients
   * that were already connected. So it closes right behind a turn that found the
   * queue empty. What arrives within that turn is lost all the same, unless
   * net.ipv4.tcp_migrate_req hands it to another listener of the port.
   */
  async #acceptQueued(): Promise<void> {
    const deadlineMs = performance.now() + DRAIN_ACCEPT_MAX_MS;
    for (let turn = 0; performance.now() < deadlineMs; turn++) {
      const before = this.counters.connectionsTotal;
      await new Promise((resolve) => setImmediate(resolve));
      // The first turn may end before the poll that accepts.
      if (turn > 1 && this.counters.connectionsTotal === before) return;
    }
  }

  #closeIdle(evenFresh: boolean): void {
    for (const connection of this.#connections) {
      if (connection.idle && (evenFresh || !connection.fresh)) connection.close();
    }
  }

  #untilEmpty(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, timeoutMs);
      const listener = this;
      this.#onEmpty = done;
      function done(): void {
        clearTimeout(timer);
        listener.#onEmpty = null;
        resolve();
      }
    });
  }
}
