/**
 * Text operations: long UTF-8 in one call, and the Encoding standard's legacy
 * labels through Node's TextDecoder. Short UTF-8 never comes here: the guest
 * does it faster than it could cross.
 */
import type { Handle } from "../../../host/outbound/handle.ts";
import { requireBoolean, requireBytes, requireString } from "./arguments.ts";
import { closeHandle, openHandle, useHandle } from "./handles.ts";
import { GuestFault, type SyncOp } from "./op.ts";

const LABEL_LENGTH_MAX = 64;
/** What one call may take: about 20 ms of this thread. The guest cuts longer texts up. */
const TEXT_LENGTH_MAX = 1024 * 1024;
const encoder = new TextEncoder();

class OpenDecoder implements Handle {
  readonly decoder: TextDecoder;

  constructor(decoder: TextDecoder) {
    this.decoder = decoder;
  }

  close(): void {}
}

const encode: SyncOp = (_context, text) => encoder.encode(requireString(text, "text", TEXT_LENGTH_MAX));

/** The standard's name for a label, or null when it has none. */
const label: SyncOp = (_context, name) => {
  try {
    return new TextDecoder(requireString(name, "label", LABEL_LENGTH_MAX)).encoding;
  } catch (error) {
    if (error instanceof GuestFault) throw error;
    return null;
  }
};

const decode: SyncOp = (_context, encoding, fatal, ignoreBom, bytes) =>
  decodeWith(makeDecoder(encoding, fatal, ignoreBom), requireBytes(bytes, "input"), false);

const decoderOpen: SyncOp = (context, encoding, fatal, ignoreBom) =>
  openHandle(context, new OpenDecoder(makeDecoder(encoding, fatal, ignoreBom)));

/** With `last`, flushes and closes the handle; so does a fault. */
const decoderWrite: SyncOp = (context, id, bytes, last) => {
  const { decoder } = useHandle(context, id, OpenDecoder);
  const final = requireBoolean(last, "last");
  if (final) closeHandle(context, id);
  try {
    return decodeWith(decoder, requireBytes(bytes, "input"), !final);
  } catch (error) {
    closeHandle(context, id);
    throw error;
  }
};

function makeDecoder(encoding: unknown, fatal: unknown, ignoreBom: unknown): TextDecoder {
  const options = { fatal: requireBoolean(fatal, "fatal"), ignoreBOM: requireBoolean(ignoreBom, "ignoreBOM") };
  const name = requireString(encoding, "encoding", LABEL_LENGTH_MAX);
  try {
    return new TextDecoder(name, options);
  } catch {
    throw new GuestFault("RangeError", `The encoding ${JSON.stringify(name)} is not known`);
  }
}

function decodeWith(decoder: TextDecoder, bytes: Uint8Array, stream: boolean): string {
  if (bytes.byteLength > TEXT_LENGTH_MAX) throw new GuestFault("RangeError", `More than ${TEXT_LENGTH_MAX} bytes can't be decoded at once`);
  try {
    return decoder.decode(bytes, { stream });
  } catch {
    throw new GuestFault("TypeError", `The bytes are not valid ${decoder.encoding}`);
  }
}

export const textSyncOps: readonly (readonly [string, SyncOp])[] = [
  ["text.encode", encode],
  ["text.label", label],
  ["text.decode", decode],
  ["text.decoder", decoderOpen],
  ["text.decoder.write", decoderWrite],
];
