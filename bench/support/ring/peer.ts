/**
 * The other side of a job: sends every message back, or takes them all and
 * answers the last. Spins as the driver does, sleeps as the driver does.
 */
import { connect, type Socket } from "node:net";
import { RingBroken } from "../../../src/engines/process/ring/ring-broken.ts";
import { RingEnd } from "../../../src/engines/process/ring/ring-end.ts";
import { openRingFile, type RingSide } from "../../../src/engines/process/ring/ring-file.ts";
import { openSharedMemory } from "../../../src/engines/process/ring/shared-memory.ts";
import { BARE, PEER_MAX_MS, type RingJob, type SpinningWay } from "./job.ts";

const job = JSON.parse(process.argv[2]!) as RingJob;
const connection = connect(process.argv[3]!);
connection.on("close", () => process.exit(0));
if (job.way === "socket") connection.on("data", (bytes) => connection.write(bytes));
else begin(connection, process.argv[4]!);

function begin(connection: Socket, ringPath: string): void {
  if (job.way === "bare") {
    connection.write("!", () => handOver(ringPath));
    return;
  }
  const opened = openRingFile(ringPath);
  if (!opened.ok) throw new Error(opened.failure.message);
  const side = opened.value.processSide();
  // The driver waits for a byte: from here on messages are looked for.
  connection.write("!", () => {
    if (job.way === "doorbell") sleepAndEcho(side, connection);
    else if (job.way === "one-way") spinAndTake(side);
    else spinAndEcho(side, job.way as SpinningWay);
  });
}

function sleepAndEcho(side: RingSide, connection: Socket): void {
  const end = new RingEnd(side, connection, {
    message: (message) => {
      message.copy(end.into, end.reserve(message.length));
      end.commit();
    },
    room: () => {},
    broken: fail,
  });
}

/** A negative number is the last. */
function handOver(path: string): void {
  const shared = openSharedMemory(path);
  if (!shared.ok) throw new Error(shared.failure.message);
  const words = new Int32Array(shared.value.memory);
  const lineWords = Math.ceil(job.messageBytes / 64) * BARE.line;
  for (let turn = 1; ; turn++) {
    let asked = Atomics.load(words, BARE.asked);
    for (; asked !== turn && asked >= 0; asked = Atomics.load(words, BARE.asked)) idle();
    if (asked < 0) process.exit(0);
    let sum = 0;
    for (let at = 0; at < lineWords; at += BARE.line) sum += words[BARE.question + at]!;
    for (let at = 0; at < lineWords; at += BARE.line) words[BARE.answer + at] = sum;
    Atomics.store(words, BARE.answered, turn);
  }
}

function spinAndEcho({ producer, consumer }: RingSide, way: SpinningWay): void {
  for (;;) {
    const message = way === "take" ? consumer.take() : way === "read" ? consumer.read() : consumer.view();
    if (message === null) idle();
    else if (message instanceof RingBroken) fail(message);
    else if (message.length === 0) process.exit(0);
    else {
      producer.write(message);
      if (way === "view") consumer.release();
    }
  }
}

/** The empty message behind the others is answered: then all of them were taken. */
function spinAndTake({ producer, consumer }: RingSide): void {
  let takenCount = 0;
  for (;;) {
    const message = consumer.take();
    if (message === null) idle();
    else if (message instanceof RingBroken) fail(message);
    else if (message.length > 0) takenCount++;
    else if (takenCount === 0) process.exit(0);
    else {
      producer.write(Buffer.of(1));
      takenCount = 0;
    }
  }
}

let idleCount = 0;
const endMs = performance.now() + PEER_MAX_MS;

function idle(): void {
  if (++idleCount % 1_000_000 === 0 && performance.now() > endMs) process.exit(1);
}

function fail({ message }: RingBroken): never {
  throw new Error(message);
}
