/**
 * One job in two processes of its own, this one and the peer that it starts:
 * makes ring and socket, warms up, measures, checks every answer. Prints JSON.
 * Trips of a spinning pair are shorter than what a clock costs: they are timed
 * by the twenty, and the median is that of those means.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RingBroken } from "../../../src/engines/process/ring/ring-broken.ts";
import { RingEnd } from "../../../src/engines/process/ring/ring-end.ts";
import { createRingFile, type RingFile, type RingSide } from "../../../src/engines/process/ring/ring-file.ts";
import { createSharedMemory } from "../../../src/engines/process/ring/shared-memory.ts";
import { median } from "../../../src/stats/quantile.ts";
import { BARE, type RingJob, type RingMeasured, type SpinningWay, STOP } from "./job.ts";

const BATCH = 20;
/** Of one stretch of one-way messages, before the other side says that it has them all. */
const ONE_WAY_BYTES = 32 * 1024 * 1024;

const job = JSON.parse(process.argv[2]!) as RingJob;
const message = Buffer.alloc(job.messageBytes, 0x5a);
const folder = mkdtempSync(join(tmpdir(), "pilotlight-ring-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

process.stdout.write(JSON.stringify(await measured()));
process.exit(0);

async function measured(): Promise<RingMeasured> {
  if (job.way === "bare") return handingOver();
  const made = createRingFile(job);
  if (!made.ok) throw new Error(made.failure.message);
  const file = made.value;
  if (job.way === "one-thread") return inOneThread(file);
  const connection = await startPeer(file.path);
  if (job.way === "socket") return trips(overSocket(connection));
  await once(connection, "data");
  const side = file.serverSide();
  if (job.way === "doorbell") return trips(overDoorbell(side, connection));
  return job.way === "one-way" ? oneWay(side) : spinning(side, job.way);
}

async function startPeer(memoryPath: string): Promise<Socket> {
  const path = join(folder, "socket");
  const server = createServer().listen(path);
  await once(server, "listening");
  const [program, ...args] = job.peerCommand;
  const peer = spawn(program!, [...args, JSON.stringify(job), path, memoryPath], { stdio: ["ignore", "inherit", "inherit"] });
  process.once("exit", () => peer.kill("SIGKILL"));
  const [connection] = (await once(server, "connection")) as [Socket];
  server.close();
  return connection;
}

/** Sends the message, and resolves when as many bytes came back. */
type Trip = () => Promise<void>;

function overSocket(connection: Socket): Trip {
  let missing = 0;
  let arrived = () => {};
  connection.on("data", (bytes) => {
    missing -= bytes.length;
    if (missing === 0) arrived();
  });
  return () =>
    new Promise((resolve) => {
      arrived = resolve;
      missing = message.length;
      connection.write(message);
    });
}

function overDoorbell(side: RingSide, connection: Socket): Trip {
  let arrived = () => {};
  const end = new RingEnd(side, connection, {
    message: (answer) => {
      assert.equal(answer.length, message.length);
      end.expect(0);
      arrived();
    },
    room: () => {},
    broken: ({ message }) => {
      throw new Error(message);
    },
  });
  return () =>
    new Promise((resolve) => {
      arrived = resolve;
      message.copy(end.into, end.reserve(message.length));
      end.commit();
      end.expect(1);
    });
}

async function trips(trip: Trip): Promise<RingMeasured> {
  const timesUs: number[] = [];
  const startMs = performance.now();
  for (let nowMs = startMs; isMore(nowMs - startMs, timesUs); nowMs = performance.now()) {
    const sentMs = performance.now();
    await trip();
    if (nowMs > startMs + job.warmUpMs) timesUs.push((performance.now() - sentMs) * 1_000);
    if (job.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, job.pauseMs));
  }
  return { us: median(timesUs), gbPerS: Number.NaN };
}

/** At least one sample, however short the time and busy the machine. */
function isMore(elapsedMs: number, samples: readonly number[]): boolean {
  return elapsedMs < job.warmUpMs + job.measuredMs || samples.length === 0;
}

function spinning({ producer, consumer }: RingSide, way: SpinningWay): RingMeasured {
  const timesUs = batches((at) => {
    message[0] = at;
    producer.write(message);
    let answer: Buffer | RingBroken | null;
    do {
      answer = way === "take" ? consumer.take() : way === "read" ? consumer.read() : consumer.view();
    } while (answer === null);
    check(answer, at);
    if (way === "view") consumer.release();
  });
  producer.write(STOP);
  return { us: median(timesUs), gbPerS: Number.NaN };
}

async function handingOver(): Promise<RingMeasured> {
  const shared = createSharedMemory({ bytes: BARE.bytes, label: "bare" });
  if (!shared.ok) throw new Error(shared.failure.message);
  await once(await startPeer(shared.value.path), "data");
  const words = new Int32Array(shared.value.memory);
  const lineWords = Math.ceil(job.messageBytes / 64) * BARE.line;
  let turn = 0;
  let sum = 0;
  const timesUs = batches(() => {
    turn++;
    for (let at = 0; at < lineWords; at += BARE.line) words[BARE.question + at] = turn;
    Atomics.store(words, BARE.asked, turn);
    while (Atomics.load(words, BARE.answered) !== turn);
    for (let at = 0; at < lineWords; at += BARE.line) sum += words[BARE.answer + at]!;
  });
  Atomics.store(words, BARE.asked, -1);
  if (Number.isNaN(sum)) throw new Error("Nothing was handed over");
  return { us: median(timesUs), gbPerS: Number.NaN };
}

function inOneThread(file: RingFile): RingMeasured {
  const { producer } = file.serverSide();
  const { consumer } = file.processSide();
  const timesUs = batches((at) => {
    message[0] = at;
    producer.write(message);
    check(consumer.read(), at);
  });
  return { us: median(timesUs), gbPerS: Number.NaN };
}

function check(answer: Buffer | RingBroken | null, at: number): void {
  if (answer === null || answer instanceof RingBroken || answer.length !== message.length || answer[0] !== (at & 0xff))
    throw new Error("Another answer than was asked for");
}

/** Microseconds of one, of each batch. */
function batches(once: (at: number) => void): number[] {
  const timesUs: number[] = [];
  const startMs = performance.now();
  for (let nowMs = startMs; isMore(nowMs - startMs, timesUs); ) {
    for (let count = 0; count < BATCH; count++) once(count);
    const thenMs = performance.now();
    if (nowMs > startMs + job.warmUpMs) timesUs.push(((thenMs - nowMs) * 1_000) / BATCH);
    nowMs = thenMs;
  }
  return timesUs;
}

function oneWay({ producer, consumer }: RingSide): RingMeasured {
  const count = Math.ceil(ONE_WAY_BYTES / message.length);
  const rates: number[] = [];
  const startMs = performance.now();
  for (let nowMs = startMs; isMore(nowMs - startMs, rates); ) {
    for (let sent = 0; sent < count; sent++) while (!producer.write(message));
    while (!producer.write(STOP));
    while (consumer.read() === null);
    const thenMs = performance.now();
    if (nowMs > startMs + job.warmUpMs) rates.push((count * message.length) / ((thenMs - nowMs) * 1e6));
    nowMs = thenMs;
  }
  producer.write(STOP);
  return { us: Number.NaN, gbPerS: median(rates) };
}
