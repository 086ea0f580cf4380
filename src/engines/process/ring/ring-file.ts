/**
 * Ring file: a ring in shared memory, made by the server for one instance or
 * opened by the process that serves it, and the four ends of it. What an end may
 * do is in ring-producer.ts and ring-consumer.ts; when it sleeps, in doorbell.ts.
 */
import { assert } from "../../../base/assert.ts";
import { type Failure, fail, ok, type Result } from "../../../base/result.ts";
import { RingConsumer } from "./ring-consumer.ts";
import { directionsOf, fileBytesOf, HEADER_BYTES, isCapacity, type RingShape, readHeader, writeHeader } from "./ring-layout.ts";
import { RingProducer } from "./ring-producer.ts";
import { createSharedMemory, openSharedMemory, type SharedMemory } from "./shared-memory.ts";

/** Both ends of one side. */
export interface RingSide {
  readonly producer: RingProducer;
  readonly consumer: RingConsumer;
}

export interface RingFile {
  /** PILOTLIGHT_RING for a process of the same user and PID namespace; others inherit `fd` and are told /proc/self/fd/N. */
  readonly path: string;
  readonly fd: number;
  readonly shape: RingShape;
  /** Why the process could cut the file short, and so end us; null when it can't. */
  readonly unsealedBecause: string | null;
  /** To be called once: two producers of one direction know nothing of each other. */
  serverSide(): RingSide;
  processSide(): RingSide;
  /** The ends find nothing after it, and nobody opens the path any more; a process that has keeps its own mapping. */
  close(): void;
}

/** `shape.capacityBytes` is a power of two from 4 KiB to 1 GiB: twice that is taken at once. */
export function createRingFile(
  shape: RingShape,
  options: { readonly folder?: string; readonly isSealed?: boolean } = {},
): Result<RingFile> {
  assert(isCapacity(shape.capacityBytes), "a ring's capacity is a power of two from 4 KiB to 1 GiB");
  const shared = createSharedMemory({ bytes: fileBytesOf(shape), label: "pilotlight-ring", ...options });
  if (!shared.ok) return shared;
  writeHeader(Buffer.from(shared.value.memory, 0, HEADER_BYTES), shape);
  return ok(ringFile(shared.value, shape));
}

/** The ring of PILOTLIGHT_RING, as its process sees it. */
export function openRingFile(path: string): Result<RingFile, Failure> {
  const shared = openSharedMemory(path);
  if (!shared.ok) return shared;
  const { memory } = shared.value;
  const page = Buffer.from(Buffer.from(memory, 0, Math.min(HEADER_BYTES, memory.byteLength)));
  const shape = readHeader(page, memory.byteLength);
  if (shape.ok) return ok(ringFile(shared.value, shape.value));
  shared.value.close();
  return fail(shape.failure);
}

function ringFile(shared: SharedMemory, shape: RingShape): RingFile {
  const { requests, answers } = directionsOf(shared.memory, shape);
  return {
    path: shared.path,
    fd: shared.fd,
    shape,
    unsealedBecause: shared.unsealedBecause,
    serverSide: () => ({ producer: new RingProducer(requests), consumer: new RingConsumer(answers) }),
    processSide: () => ({ producer: new RingProducer(answers), consumer: new RingConsumer(requests) }),
    close: () => shared.close(),
  };
}
