/**
 * Process peer: the server's side of one process function, scripted by a test.
 * Speaks docs/process-protocol.md by itself (messages and frames are written
 * here once more, on purpose), the ring by the server's own ends. Whatever
 * comes is kept in order; nothing is judged here.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RingEnd } from "../../src/engines/process/ring/ring-end.ts";
import { createRingFile, type RingFile } from "../../src/engines/process/ring/ring-file.ts";
import type { RingShape } from "../../src/engines/process/ring/ring-layout.ts";
import { NO_ROOM } from "../../src/engines/process/ring/ring-producer.ts";

export const KIND = { request: 1, requestBody: 2, response: 3, responseBody: 4, cancel: 5, ping: 6, pong: 7, stop: 8, failed: 9 } as const;
export const END = 1;
/** A test that waits for longer than this waits for nothing. */
const PATIENCE_MS = 20_000;

export interface Message {
  readonly kind: number;
  readonly flags: number;
  readonly status: number;
  readonly call: number;
  readonly head: string;
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  /** Header lines as they came. */
  readonly head: string;
  readonly body: Buffer;
  readonly messageCount: number;
  /** The text of FAILED; null for an answer that is whole. */
  readonly failed: string | null;
}

export interface PeerOptions {
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Null for frames. */
  readonly ring: RingShape | null;
}

export interface RequestOptions {
  readonly body?: Uint8Array;
  readonly method?: string;
  /** Lines. */
  readonly headers?: string;
}

/** A process that has said READY, however it came to be. */
export interface ReadyProcess {
  kill(): void;
  readonly exited: Promise<ProcessExit>;
  readonly socket: Socket;
  readonly ring: RingFile | null;
  readonly ready: string;
  /** What came with its first line. */
  readonly rest: Buffer;
  readonly log: () => string;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ProcessPeer {
  readonly socket: Socket;
  readonly ring: RingFile | null;
  /** "READY ring/1 4". */
  readonly ready: string;
  readonly #exited: Promise<ProcessExit>;
  readonly #end: RingEnd | null = null;
  readonly #log: () => string;
  readonly #kill: () => void;
  readonly #outgoing: Buffer[] = [];
  readonly #answers = new Map<number, Message[]>();
  readonly #others: Message[] = [];
  #received = Buffer.alloc(0);
  #waiters: (() => void)[] = [];
  #lastCall = 1_000;
  #isEnded = false;

  constructor(started: ReadyProcess) {
    this.#kill = started.kill;
    this.socket = started.socket;
    this.ring = started.ring;
    this.ready = started.ready;
    this.#log = started.log;
    this.#exited = started.exited;
    void this.#exited.then(() => {
      this.#isEnded = true;
      this.#tell();
    });
    this.socket.on("error", () => {});
    if (started.ring === null || !started.ready.startsWith("READY ring")) {
      this.socket.on("data", (bytes: Buffer) => this.#hear(bytes));
      this.#hear(started.rest);
      return;
    }
    this.#end = new RingEnd(started.ring.serverSide(), this.socket, {
      message: (message) => this.#take(message),
      room: () => this.#flush(),
      broken: (broken) => assertNever(`the process broke the ring: ${broken.message}`),
    });
  }

  /** What it wrote to its standard error so far. */
  get log(): string {
    return this.#log();
  }

  request(call: number, target: string, options: RequestOptions = {}): void {
    const { body = Buffer.alloc(0), method = "GET", headers = "" } = options;
    const head = `${method} ${target}\n${headers}`;
    const first = body.subarray(0, this.partMax - head.length);
    this.send(KIND.request, first.length === body.length ? END : 0, call, head, first);
    for (let at = first.length; at < body.length; at += this.partMax) {
      const part = body.subarray(at, at + this.partMax);
      this.send(KIND.requestBody, at + part.length === body.length ? END : 0, call, "", part);
    }
  }

  send(kind: number, flags: number, call: number, head = "", body: Uint8Array = Buffer.alloc(0)): void {
    this.sendBytes(messageBytes(kind, flags, call, head, body));
  }

  /** A message, right or wrong, in its frame or entry. */
  sendBytes(message: Buffer): void {
    if (this.#end === null) {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(message.length);
      this.socket.write(Buffer.concat([length, message]));
      return;
    }
    this.#outgoing.push(message);
    this.#flush();
  }

  get partMax(): number {
    return this.#end === null ? 65_536 : Math.floor(this.#end.messageMaxBytes / 2) - 16;
  }

  /** All of it, once it has come. */
  async answer(call: number): Promise<Answer> {
    const isLast = (message: Message): boolean => message.kind === KIND.failed || (message.flags & END) !== 0;
    await this.#until(`an answer to call ${call}`, () => this.#answers.get(call)?.some(isLast) ?? false);
    const messages = this.#answers.get(call)!;
    this.#answers.delete(call);
    const [first] = messages;
    const failed = messages.find(({ kind }) => kind === KIND.failed);
    return {
      status: first!.status,
      head: first!.head,
      body: Buffer.concat(messages.filter(({ kind }) => kind !== KIND.failed).map(({ body }) => body)),
      messageCount: messages.length,
      failed: failed?.body.toString() ?? null,
    };
  }

  /** A call with a number of its own; those below 1,000 are left to tests. */
  async ask(target: string, options: RequestOptions = {}): Promise<Answer> {
    const call = ++this.#lastCall;
    this.request(call, target, options);
    return this.answer(call);
  }

  /** What has come of an answer that is not whole. */
  messagesOf(call: number): readonly Message[] {
    return this.#answers.get(call) ?? [];
  }

  async someOf(call: number): Promise<readonly Message[]> {
    await this.#until(`the beginning of an answer to call ${call}`, () => this.#answers.has(call));
    return this.messagesOf(call);
  }

  /** The next message that is no answer. */
  async other(): Promise<Message> {
    await this.#until("a message", () => this.#others.length > 0);
    return this.#others.shift()!;
  }

  async logged(text: string): Promise<void> {
    await this.#until(`"${text}" in its log`, () => this.log.includes(text));
  }

  /** How it ended by itself. */
  async exit(): Promise<ProcessExit> {
    await this.#until("its end", () => this.#isEnded);
    return this.#exited;
  }

  /** The end of the process, whatever it takes. */
  async end(): Promise<void> {
    this.#end?.close();
    this.socket.destroy();
    this.#kill();
    await this.#exited;
    this.ring?.close();
  }

  #flush(): void {
    while (this.#outgoing.length > 0) {
      const [message] = this.#outgoing;
      const at = this.#end!.reserve(message!.length);
      if (at === NO_ROOM) return;
      this.#end!.into.set(message!, at);
      this.#end!.commit();
      this.#outgoing.shift();
    }
  }

  #hear(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    while (this.#received.length >= 4 && this.#received.length >= 4 + this.#received.readUInt32LE(0)) {
      const end = 4 + this.#received.readUInt32LE(0);
      this.#take(this.#received.subarray(4, end));
      this.#received = this.#received.subarray(end);
    }
  }

  #take(bytes: Buffer): void {
    const message = messageOf(bytes);
    if (message.call === 0) this.#others.push(message);
    else this.#answers.set(message.call, [...(this.#answers.get(message.call) ?? []), message]);
    this.#tell();
  }

  #tell(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  async #until(what: string, isThere: () => boolean): Promise<void> {
    const untilMs = performance.now() + PATIENCE_MS;
    while (!isThere()) {
      if (this.#isEnded) throw new Error(`the process ended instead of ${what}: ${this.log}`);
      if (performance.now() > untilMs) throw new Error(`nothing came instead of ${what}: ${this.log}`);
      // The log tells of nothing by itself: it is looked at again, too.
      await Promise.race([new Promise<void>((resolve) => this.#waiters.push(resolve)), pause()]);
    }
  }
}

/** Starts the process and waits for READY. */
export async function startPeer({ command, env, ring }: PeerOptions): Promise<ProcessPeer> {
  const file = ring === null ? null : createRingFile(ring);
  if (file !== null && !file.ok) throw new Error(file.failure.message);
  const home = mkdtempSync(join(tmpdir(), "pilotlight-peer-"));
  const path = join(home, "socket");
  const server = createServer().listen(path);
  await once(server, "listening");
  const child = spawn(command[0]!, command.slice(1), {
    env: { PATH: process.env["PATH"], PILOTLIGHT_SOCKET: path, ...(file === null ? {} : { PILOTLIGHT_RING: file.value.path }), ...env },
    stdio: ["ignore", "inherit", "pipe"],
  });
  let log = "";
  child.stderr!.on("data", (text) => {
    log += text;
  });
  try {
    const exited = endOf(child);
    const ended = exited.then(({ code, signal }) => assertNever(`it ended with ${code ?? signal} before it was ready: ${log}`));
    const [socket] = (await Promise.race([once(server, "connection"), ended])) as [Socket];
    const { line, rest } = await Promise.race([firstLine(socket), ended]);
    return new ProcessPeer({
      kill: () => child.kill("SIGKILL"),
      exited,
      socket,
      ring: file?.value ?? null,
      ready: line,
      rest,
      log: () => log,
    });
  } finally {
    server.close();
    rmSync(home, { recursive: true, force: true });
  }
}

export function messageBytes(kind: number, flags: number, call: number, head: string, body: Uint8Array): Buffer {
  const header = Buffer.alloc(16);
  header[0] = kind;
  header[1] = flags;
  header.writeUInt32LE(call, 4);
  header.writeUInt32LE(head.length, 8);
  header.writeUInt32LE(body.length, 12);
  return Buffer.concat([header, Buffer.from(head, "latin1"), body]);
}

function messageOf(bytes: Buffer): Message {
  const headBytes = bytes.readUInt32LE(8);
  if (bytes.length !== 16 + headBytes + bytes.readUInt32LE(12)) assertNever(`a message of ${bytes.length} bytes has other lengths`);
  return {
    kind: bytes[0]!,
    flags: bytes[1]!,
    status: bytes.readUInt16LE(2),
    call: bytes.readUInt32LE(4),
    head: bytes.toString("latin1", 16, 16 + headBytes),
    body: Buffer.from(bytes.subarray(16 + headBytes)),
  };
}

export async function firstLine(socket: Socket): Promise<{ line: string; rest: Buffer }> {
  let received = Buffer.alloc(0);
  while (!received.includes("\n")) {
    const [bytes] = (await once(socket, "data")) as [Buffer];
    received = Buffer.concat([received, bytes]);
  }
  const end = received.indexOf("\n");
  return { line: received.toString("latin1", 0, end), rest: received.subarray(end + 1) };
}

/** With its standard error: the last of it comes behind the exit. */
export function endOf(child: ChildProcess): Promise<ProcessExit> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

function assertNever(what: string): never {
  throw new Error(what);
}
