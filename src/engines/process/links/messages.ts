/**
 * Messages: the 16 bytes before each payload, written and read
 * (docs/process-protocol.md, "Messages"). Pure. Reading says what is wrong with a
 * message; what is right in itself may still come at the wrong time, which is
 * the link's to judge. Must not look at payloads.
 */

export const HEADER_BYTES = 16;
export const PING_MAX_BYTES = 1024;

export const KIND = {
  request: 1,
  requestBody: 2,
  response: 3,
  responseBody: 4,
  cancel: 5,
  ping: 6,
  pong: 7,
  stop: 8,
  failed: 9,
} as const;

const END = 1;
const NO_END = 0;

/** One header, used again for every message that is read. */
export interface Message {
  kind: number;
  isEnd: boolean;
  status: number;
  call: number;
  headBytes: number;
  bodyBytes: number;
}

export function emptyMessage(): Message {
  return { kind: 0, isEnd: false, status: 0, call: 0, headBytes: 0, bodyBytes: 0 };
}

/** What a kind may have; the flags are of either side, whoever may send it. */
interface Shape {
  readonly name: string;
  readonly isOfCall: boolean;
  readonly mayEnd: boolean;
  readonly hasHead: boolean;
  readonly bodyMaxBytes: number;
}

const SHAPES: readonly (Shape | null)[] = [
  null,
  { name: "REQUEST", isOfCall: true, mayEnd: true, hasHead: true, bodyMaxBytes: Infinity },
  { name: "REQUEST_BODY", isOfCall: true, mayEnd: true, hasHead: false, bodyMaxBytes: Infinity },
  { name: "RESPONSE", isOfCall: true, mayEnd: true, hasHead: true, bodyMaxBytes: Infinity },
  { name: "RESPONSE_BODY", isOfCall: true, mayEnd: true, hasHead: false, bodyMaxBytes: Infinity },
  { name: "CANCEL", isOfCall: true, mayEnd: false, hasHead: false, bodyMaxBytes: 0 },
  { name: "PING", isOfCall: false, mayEnd: false, hasHead: false, bodyMaxBytes: PING_MAX_BYTES },
  { name: "PONG", isOfCall: false, mayEnd: false, hasHead: false, bodyMaxBytes: PING_MAX_BYTES },
  { name: "STOP", isOfCall: false, mayEnd: false, hasHead: false, bodyMaxBytes: 0 },
  { name: "FAILED", isOfCall: true, mayEnd: true, hasHead: false, bodyMaxBytes: Infinity },
];

export function kindName(kind: number): string {
  return SHAPES[kind]?.name ?? `kind ${kind}`;
}

/** Writes the header at `at`; there is room for it. */
export function writeHeader(
  buffer: Buffer,
  at: number,
  kind: number,
  isEnd: boolean,
  status: number,
  call: number,
  headBytes: number,
  bodyBytes: number,
): void {
  buffer[at] = kind;
  buffer[at + 1] = isEnd ? END : NO_END;
  buffer.writeUInt16LE(status, at + 2);
  buffer.writeUInt32LE(call, at + 4);
  buffer.writeUInt32LE(headBytes, at + 8);
  buffer.writeUInt32LE(bodyBytes, at + 12);
}

/** Fills `into` from a message of `bytes` bytes at `at`, or says what is wrong with it. */
export function readHeader(buffer: Buffer, at: number, bytes: number, into: Message): string | null {
  if (bytes < HEADER_BYTES) return `a message of ${bytes} bytes, less than its header has`;
  const kind = buffer[at] as number;
  const flags = buffer[at + 1] as number;
  into.kind = kind;
  into.isEnd = flags === END;
  into.status = buffer.readUInt16LE(at + 2);
  into.call = buffer.readUInt32LE(at + 4);
  into.headBytes = buffer.readUInt32LE(at + 8);
  into.bodyBytes = buffer.readUInt32LE(at + 12);
  const shape = SHAPES[kind];
  if (shape === null || shape === undefined) return `a message of an unknown kind, ${kind}`;
  // Sums of 32-bit numbers are exact here.
  if (HEADER_BYTES + into.headBytes + into.bodyBytes !== bytes)
    return `${shape.name} of ${bytes} bytes, which says that it has ${HEADER_BYTES} + ${into.headBytes} + ${into.bodyBytes}`;
  if (flags > END || (flags === END && !shape.mayEnd)) return `${shape.name} with the flags ${flags}`;
  if (into.status !== 0 && kind !== KIND.response) return `${shape.name} with a status, ${into.status}`;
  if (shape.isOfCall !== (into.call !== 0)) return `${shape.name} ${shape.isOfCall ? "of no call" : `of call ${into.call}`}`;
  if (into.headBytes !== 0 && !shape.hasHead) return `${shape.name} with a head`;
  if (into.bodyBytes > shape.bodyMaxBytes) return `${shape.name} with a body of ${into.bodyBytes} bytes`;
  return null;
}
