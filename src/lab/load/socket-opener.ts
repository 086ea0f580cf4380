/**
 * Opens the sockets of one load thread, plain or TLS, all reading into one
 * buffer (a read is over before the next begins), and says in the report's
 * words why one could not be opened.
 */
import { isIP, type OnReadOpts, Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, createSecureContext, type SecureContext } from "node:tls";
import type { LoadPlan } from "./plan.ts";
import type { ErrorKind } from "./result.ts";
import type { ConnectFault } from "./thread-messages.ts";

const READ_BUFFER_BYTES = 65_536;

export interface SocketEvents {
  onConnected(): void;
  /** Ready to be written to; for TLS after the handshake. */
  onReady(): void;
  onBytes(bytes: Buffer, length: number): void;
  onEnd(): void;
  onError(error: NodeJS.ErrnoException): void;
  onDrain(): void;
  onClose(): void;
}

export class SocketOpener {
  readonly #plan: LoadPlan;
  readonly #address: string;
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  readonly #secureContext: SecureContext | null;

  constructor(plan: LoadPlan, address: string) {
    this.#plan = plan;
    this.#address = address;
    const { ca } = plan.tls;
    this.#secureContext = plan.target.protocol === "https:" ? createSecureContext(ca === null ? {} : { ca }) : null;
  }

  open(events: SocketEvents): Socket {
    const buffer = this.#buffer;
    const onread: OnReadOpts = {
      buffer,
      callback: (length) => {
        events.onBytes(buffer, length);
        return true;
      },
    };
    const socket = this.#secureContext === null ? this.#openPlain(onread) : this.#openTls(onread, this.#secureContext);
    socket.setNoDelay(true);
    socket.once("connect", () => events.onConnected());
    socket.once(this.#secureContext === null ? "connect" : "secureConnect", () => events.onReady());
    socket.on("end", () => events.onEnd());
    socket.on("error", (error) => events.onError(error));
    socket.on("drain", () => events.onDrain());
    socket.once("close", () => events.onClose());
    return socket;
  }

  #openPlain(onread: OnReadOpts): Socket {
    const socket = new Socket({ onread });
    socket.connect({ host: this.#address, port: this.#plan.target.port });
    return socket;
  }

  #openTls(onread: OnReadOpts, secureContext: SecureContext): Socket {
    const { target, tls } = this.#plan;
    // A name in SNI only: RFC 6066 has no addresses there.
    const name = tls.servername ?? (isIP(target.host) === 0 ? target.host : null);
    // Documented, but missing in Node's typings.
    const options: ConnectionOptions & { readonly onread: OnReadOpts } = {
      host: this.#address,
      port: target.port,
      secureContext,
      rejectUnauthorized: tls.rejectsUnauthorized,
      ALPNProtocols: ["http/1.1"],
      ...(name === null ? {} : { servername: name }),
      onread,
    };
    return connectTls(options);
  }
}

const KIND_BY_CODE: Readonly<Record<string, ErrorKind>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  EPIPE: "reset",
  ECONNABORTED: "reset",
};

const TLS_CODE = /^(?:ERR_SSL|ERR_TLS|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|EPROTO|HOSTNAME_MISMATCH|INVALID_CA|CRL_|ERROR_IN_)/;

/** What a socket's error means for a request; everything without a meaning of its own kept it from getting there. */
export function describeSocketError(error: NodeJS.ErrnoException, place: string, isHandshaking: boolean): ConnectFault {
  const code = error.code ?? "";
  if (TLS_CODE.test(code) || (isHandshaking && KIND_BY_CODE[code] === "reset")) {
    return { kind: "tls", message: `TLS with ${place} failed: ${error.message.split("\n", 1)[0]}${code === "" ? "" : ` (${code})`}` };
  }
  switch (code) {
    case "ECONNREFUSED":
      return { kind: "refused", message: `${place} refused the connection` };
    case "EADDRNOTAVAIL":
      return { kind: "unreachable", message: `no local port is left for a connection to ${place}` };
    case "EMFILE":
      return { kind: "unreachable", message: `no file descriptor is left for a connection to ${place}: raise ulimit -n` };
    default:
      return { kind: KIND_BY_CODE[code] ?? "unreachable", message: `${place}: ${error.message.split("\n", 1)[0]}` };
  }
}
