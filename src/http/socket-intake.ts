/**
 * Socket intake: reads of all plain connections go into one shared buffer.
 * Node would allocate 64 KiB for every read and pass it through a stream; with
 * `onread` it does neither: 8.9 against 10.0 us a request of bare socket work
 * (docs/decisions/0002-http-listener.md). Node offers `onread` only to sockets
 * that one constructs, so the accepted handle moves into a second socket.
 */
import { Socket, type SocketConstructorOpts } from "node:net";

const READ_BUFFER_BYTES = 64 * 1024;

let readBuffer: Buffer | null = null;

/** Called with the shared buffer: its first `length` bytes are valid until the call returns. */
export type OnBytes = (segment: Buffer, length: number) => void;

interface HandleOwner {
  _handle: object | null;
}

/** The socket to use from now on. `accepted` must be paused (pauseOnConnect). */
export function intake(accepted: Socket, onBytes: OnBytes): Socket {
  const owner = accepted as unknown as HandleOwner;
  const handle = owner._handle;
  // `useUserBuffer` is what onread stands on; without it (another runtime, a TLS socket) read as everybody does.
  if (handle === null || !("useUserBuffer" in handle)) return readAsStream(accepted, onBytes);
  readBuffer ??= Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  const buffer = readBuffer;
  owner._handle = null;
  accepted.destroy();
  const options = {
    handle: handle as unknown as NonNullable<SocketConstructorOpts["handle"]>,
    allowHalfOpen: true,
    onread: {
      buffer,
      callback: (length: number) => {
        onBytes(buffer, length);
        return true;
      },
    },
  };
  const socket = new Socket(options);
  socket.resume();
  return socket;
}

export function readAsStream(socket: Socket, onBytes: OnBytes): Socket {
  socket.on("data", (bytes: Buffer) => onBytes(bytes, bytes.length));
  socket.resume();
  return socket;
}
