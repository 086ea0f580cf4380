/**
 * Pilotlight functions in Node (20 or newer): answers the calls of a server, as docs/process-protocol.md says.
 *
 *     import { serve } from "pilotlight/process";
 *     serve((request) => ({ hello: request.query.get("name") ?? "world" }));
 *
 * One file without dependencies: import it from the package, or copy it. Calls come through the shared-memory ring where this Node can
 * map a file (node:ffi, Node 26), otherwise in frames. The types of what it exports are in pilotlight.d.mts.
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { connect } from "node:net";
import { startupSnapshot } from "node:v8";
import * as zlib from "node:zlib";

const [REQUEST, REQUEST_BODY, RESPONSE, RESPONSE_BODY, CANCEL, PING, PONG, STOP, FAILED] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const END = 1;
const FRAME_MAX = 1024 * 1024;
const HEADER_BYTES = 16;
const EMPTY = Buffer.alloc(0);
const TEXT = "content-type: text/plain; charset=utf-8\n";
const JSON_TYPE = "content-type: application/json\n";
const BYTES = "content-type: application/octet-stream\n";
/** The server says these. */
const SERVERS_OWN = new Set(["connection", "content-length", "transfer-encoding"]);

/** An answer with a status and headers. Cheaper than a global Response, which a handler may return as well. */
export class Answer {
  constructor(body = "", { status = 200, headers = {} } = {}) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** One call. What is not said by its first line is parsed when looked at. */
class ProcessRequest {
  #lines;
  #headers = null;
  #aborter = null;
  #isCancelled = false;

  constructor(head, body) {
    const lineEnd = head.indexOf("\n");
    const space = head.indexOf(" ");
    if (lineEnd === -1 || space === -1 || space > lineEnd) broken("a request without a target");
    this.method = head.slice(0, space);
    this.target = head.slice(space + 1, lineEnd);
    this.body = body;
    this.#lines = head.slice(lineEnd + 1);
  }

  get headers() {
    this.#headers ??= headersOf(this.#lines);
    return this.#headers;
  }

  get path() {
    return this.target.split("?", 1)[0];
  }

  get query() {
    return new URLSearchParams(this.target.slice(this.path.length));
  }

  get url() {
    return `http://${this.headers.get("host") ?? "localhost"}${this.target}`;
  }

  get params() {
    return JSON.parse(this.headers.get("x-pilotlight-params") ?? "{}");
  }

  get requestId() {
    return this.headers.get("x-request-id") ?? "";
  }

  get signal() {
    this.#aborter ??= new AbortController();
    if (this.#isCancelled) this.#aborter.abort();
    return this.#aborter.signal;
  }

  get isCancelled() {
    return this.#isCancelled;
  }

  async bytes() {
    return this.body;
  }

  async arrayBuffer() {
    return new Uint8Array(this.body).buffer;
  }

  async text() {
    return this.body.toString("utf8");
  }

  async json() {
    return JSON.parse(this.body.toString("utf8"));
  }

  formData() {
    return new Response(this.body, { headers: this.headers }).formData();
  }

  /** Nobody waits for the answer any more. */
  cancel() {
    this.#isCancelled = true;
    this.#aborter?.abort();
  }
}

function headersOf(lines) {
  const headers = new Headers();
  for (const line of lines.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1));
  }
  return headers;
}

/** Messages on the connection itself, each behind its length. */
class Frames {
  name = "frames/1";
  messageMax = FRAME_MAX;
  #socket;
  #pieces = [];
  #there = 0;
  #isCorked = false;

  constructor(socket, deliver) {
    this.#socket = socket;
    socket.on("data", (piece) => {
      this.#pieces.push(piece);
      this.#there += piece.length;
      this.#takeAll(deliver);
    });
  }

  #takeAll(deliver) {
    while (this.#there >= 4) {
      const length = this.#front(4).readUInt32LE(0);
      if (length < HEADER_BYTES || length > FRAME_MAX) broken(`a frame of ${length} bytes`);
      if (this.#there < 4 + length) return;
      const data = this.#front(4 + length);
      const headBytes = data.readUInt32LE(12);
      if (length !== HEADER_BYTES + headBytes + data.readUInt32LE(16)) broken(`a message of ${length} bytes with other lengths`);
      this.#pieces[0] = data.subarray(4 + length);
      this.#there -= 4 + length;
      deliver(data[4], data[5], data.readUInt32LE(8), data.latin1Slice(20, 20 + headBytes), data.subarray(20 + headBytes, 4 + length));
    }
  }

  /** The pieces so far, `length` bytes of them in one. */
  #front(length) {
    if (this.#pieces[0].length < length) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0];
  }

  /** False when the server does not keep up: a stream waits for `drained`. */
  send(kind, flags, status, call, head, body) {
    // Answers of one turn leave in one system call.
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#socket.uncork();
      });
    }
    const start = Buffer.allocUnsafe(20 + head.length);
    start.writeUInt32LE(HEADER_BYTES + head.length + body.length, 0);
    start.writeUInt32LE(kind | (flags << 8) | (status << 16), 4);
    start.writeUInt32LE(call, 8);
    start.writeUInt32LE(head.length, 12);
    start.writeUInt32LE(body.length, 16);
    start.latin1Write(head, 20);
    const hasRoom = this.#socket.write(start);
    return body.length === 0 ? hasRoom : this.#socket.write(body);
  }

  drained() {
    return this.#socket.writableNeedDrain ? new Promise((resolve) => this.#socket.once("drain", resolve)) : Promise.resolve();
  }
}

/** Words of the ring's header page. */
const ASKED = { head: 32, tail: 64, asleep: 96, waits: 128 };
const TOLD = { head: 288, tail: 320, asleep: 352, waits: 384 };
const SKIPPED = 0xffffffff;
const WARMTH_MAX = 8;
/** Calls that come within this time of each other make it worth to look again before sleeping; and how long. */
const NEAR_MS = 0.03;
const SPIN_MS = 0.01;

/**
 * Hot path, once per message: words by Atomics, whose stores are full fences, so that a word of the server is never read before
 * one of ours is written. Requests are taken in batches; answers leave at once, with a doorbell only where the server sleeps.
 */
class Ring {
  name = "ring/1";
  #socket;
  #deliver;
  #bytes;
  #words;
  #room;
  #checks;
  #taken;
  #published;
  #backlog = [];
  #drainedWaiters = [];
  #warmth = 0;
  #idleSinceMs = 0;
  #isIdling = false;
  /** While a handler is at work, this thread has better things to do than to spin. */
  #isBusy;

  constructor(socket, deliver, memory, isBusy) {
    this.#socket = socket;
    this.#deliver = deliver;
    this.#isBusy = isBusy;
    this.#bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
    const [version, flags, room, requests, answers] = this.#words.subarray(2, 7);
    if (this.#bytes.latin1Slice(0, 8) !== "PLRING1\n" || version !== 1) throw new Error("its file is no ring of version 1");
    const fits =
      room >= 64 && (room & (room - 1)) === 0 && requests === 4096 && answers === 4096 + room && memory.byteLength >= answers + room;
    if (!fits) throw new Error("its parts do not fit in its file");
    this.#room = room;
    this.#checks = (flags & 1) !== 0;
    this.messageMax = Math.min(FRAME_MAX, room / 2 - 8);
    this.#taken = this.#words[ASKED.tail];
    this.#published = this.#words[TOLD.head];
    socket.on("data", () => this.#woken());
    // Whatever came before READY was said is there without a doorbell.
    this.#idleSoon();
  }

  #woken() {
    Atomics.store(this.#words, ASKED.asleep, 0);
    if (this.#idleSinceMs > 0) {
      this.#warmth = performance.now() - this.#idleSinceMs > NEAR_MS ? 0 : Math.min(WARMTH_MAX, this.#warmth + 1);
      this.#idleSinceMs = 0;
    }
    this.#flush();
    this.#takeAll();
    this.#idleSoon();
  }

  #takeAll() {
    const words = this.#words;
    while (Atomics.load(words, ASKED.head) !== this.#taken) {
      this.#take(Atomics.load(words, ASKED.head));
      Atomics.store(words, ASKED.tail, this.#taken);
      if (Atomics.load(words, ASKED.waits) === 1) this.#ring();
    }
  }

  #take(head) {
    const words = this.#words;
    const there = (head - this.#taken) >>> 0;
    let at = this.#taken & (this.#room - 1);
    let skipped = 0;
    if (words[(4096 + at) >> 2] === SKIPPED) {
      skipped = this.#room - at;
      at = 0;
    }
    const word = (4096 + at) >> 2;
    const length = words[word];
    const [kinds, call, headBytes, bodyBytes] = [words[word + 2], words[word + 3], words[word + 4], words[word + 5]];
    const whole = skipped + 8 + Math.ceil(length / 8) * 8;
    const isWithin = there <= this.#room && whole <= there && at + 8 + length <= this.#room && at % 8 === 0;
    if (!isWithin || length !== HEADER_BYTES + headBytes + bodyBytes) broken(`an entry of ${length} bytes where ${there} were written`);
    const start = 4096 + at + 8;
    const message = this.#bytes.subarray(start, start + length);
    if (this.#checks && zlib.crc32(message) !== words[word + 1]) broken("a message with another CRC-32 than it says");
    const middle = start + HEADER_BYTES + headBytes;
    const lines = this.#bytes.latin1Slice(start + HEADER_BYTES, middle);
    const body = bodyBytes === 0 ? EMPTY : Buffer.from(this.#bytes.subarray(middle, middle + bodyBytes));
    this.#taken = (this.#taken + whole) >>> 0;
    this.#deliver(kinds & 255, (kinds >> 8) & 255, call, lines, body);
  }

  /** Answers of handlers that are done at once come first; then this sleeps, or looks again for a moment if that paid lately. */
  #idleSoon() {
    if (this.#isIdling) return;
    this.#isIdling = true;
    setImmediate(() => {
      this.#isIdling = false;
      this.#idle();
    });
  }

  #idle() {
    const words = this.#words;
    if (this.#warmth > 2 && !this.#isBusy()) {
      const untilMs = performance.now() + SPIN_MS;
      let isThere = false;
      while (!isThere && performance.now() < untilMs) {
        for (let look = 0; look < 64 && !isThere; look++) isThere = Atomics.load(words, ASKED.head) !== this.#taken;
      }
      this.#warmth = isThere ? Math.min(WARMTH_MAX, this.#warmth + 1) : this.#warmth - 2;
    }
    if (Atomics.load(words, ASKED.head) === this.#taken) {
      Atomics.store(words, ASKED.asleep, 1);
      this.#idleSinceMs = performance.now();
      if (Atomics.load(words, ASKED.head) === this.#taken) return;
      Atomics.store(words, ASKED.asleep, 0);
      this.#idleSinceMs = 0;
    }
    this.#takeAll();
    this.#idleSoon();
  }

  send(kind, flags, status, call, head, body) {
    if (this.#backlog.length === 0 && this.#write(kind, flags, status, call, head, body)) return true;
    this.#backlog.push([kind, flags, status, call, head, body]);
    this.#flush();
    return this.#backlog.length === 0;
  }

  drained() {
    return this.#backlog.length === 0 ? Promise.resolve() : new Promise((resolve) => this.#drainedWaiters.push(resolve));
  }

  /** What found no room. The word says so before it is tried again: the server either sees it, or has made room already. */
  #flush() {
    if (this.#backlog.length === 0) return;
    Atomics.store(this.#words, TOLD.waits, 1);
    let count = 0;
    while (count < this.#backlog.length && this.#write(...this.#backlog[count])) count++;
    this.#backlog.splice(0, count);
    if (this.#backlog.length > 0) return;
    Atomics.store(this.#words, TOLD.waits, 0);
    for (const resolve of this.#drainedWaiters.splice(0)) resolve();
  }

  #write(kind, flags, status, call, head, body) {
    const words = this.#words;
    const length = HEADER_BYTES + head.length + body.length;
    const whole = 8 + Math.ceil(length / 8) * 8;
    let at = this.#published & (this.#room - 1);
    const skipped = at + whole > this.#room ? this.#room - at : 0;
    const used = (this.#published - Atomics.load(words, TOLD.tail)) >>> 0;
    if (used + skipped + whole > this.#room) return false;
    const data = 4096 + this.#room;
    if (skipped > 0) {
      words[(data + at) >> 2] = SKIPPED;
      at = 0;
    }
    const start = data + at;
    const word = start >> 2;
    words[word] = length;
    words[word + 2] = kind | (flags << 8) | (status << 16);
    words[word + 3] = call;
    words[word + 4] = head.length;
    words[word + 5] = body.length;
    this.#bytes.latin1Write(head, start + 24);
    this.#bytes.set(body, start + 24 + head.length);
    this.#bytes.fill(0, start + 8 + length, start + whole);
    words[word + 1] = this.#checks ? zlib.crc32(this.#bytes.subarray(start + 8, start + 8 + length)) : 0;
    this.#published = (this.#published + skipped + whole) >>> 0;
    Atomics.store(words, TOLD.head, this.#published);
    if (Atomics.load(words, TOLD.asleep) === 1) {
      Atomics.store(words, TOLD.asleep, 0);
      this.#ring();
    }
    return true;
  }

  #ring() {
    this.#socket.write("\0");
  }
}

/** What is done with messages: requests are gathered, given to the handler, answered. */
class Calls {
  #handler;
  #bodyMax;
  #open = new Map();
  #isStopping = false;
  #onStopped;
  link = null;

  constructor(handler, bodyMax, onStopped) {
    this.#handler = handler;
    this.#bodyMax = bodyMax;
    this.#onStopped = onStopped;
  }

  get isBusy() {
    return this.#open.size > 0;
  }

  receive(kind, flags, call, head, body) {
    if (kind === REQUEST) {
      if (this.#open.has(call)) broken(`call ${call} twice`);
      const open = { request: new ProcessRequest(head, body), parts: [], size: 0, isRunning: false };
      this.#open.set(call, open);
      this.#gather(call, open, flags, body);
    } else if (kind === REQUEST_BODY) {
      const open = this.#open.get(call);
      if (open !== undefined && !open.isRunning) this.#gather(call, open, flags, body);
    } else if (kind === CANCEL) {
      const open = this.#open.get(call);
      open?.request.cancel();
      if (open?.isRunning === false) this.#end(call, FAILED, 0, "", Buffer.from("cancelled before its body had come"));
    } else if (kind === PING) {
      this.link.send(PONG, 0, 0, 0, "", body);
    } else if (kind === STOP) {
      this.#isStopping = true;
      this.#stopIfDone();
    } else {
      broken(`a message of kind ${kind}`);
    }
  }

  #gather(call, open, flags, part) {
    open.size += part.length;
    if (open.size > this.#bodyMax) {
      const text = `The body is longer than the ${this.#bodyMax} bytes that this function takes\n`;
      this.#end(call, RESPONSE, 413, TEXT, Buffer.from(text));
      return;
    }
    const isLast = (flags & END) !== 0;
    if (isLast && open.parts.length === 0) open.request.body = part;
    else open.parts.push(part);
    if (!isLast) return;
    if (open.parts.length > 0) open.request.body = Buffer.concat(open.parts);
    open.parts = [];
    open.isRunning = true;
    this.#run(call, open.request);
  }

  #run(call, request) {
    try {
      const answer = this.#handler(request);
      // A handler that needs to wait for nothing is answered in the same turn.
      if (typeof answer?.then !== "function") this.#answer(call, request, answer);
      else
        Promise.resolve(answer)
          .then((value) => this.#answer(call, request, value))
          .catch((error) => this.#failed(call, request, error));
    } catch (error) {
      this.#failed(call, request, error);
    }
  }

  #answer(call, request, value) {
    const { status, head, body } = partsOf(value);
    const headMax = this.link.messageMax / 2 - HEADER_BYTES;
    if (head.length > headMax) throw new Error(`the headers of the answer have ${head.length} bytes; the most is ${headMax}`);
    if (body instanceof Uint8Array && body.length <= this.link.messageMax / 2) {
      this.#end(call, RESPONSE, status, head, body);
      return;
    }
    const chunks = body instanceof Uint8Array ? oneChunk(body) : body[Symbol.asyncIterator]();
    this.#stream(call, request, status, head, chunks).catch((error) => this.#failed(call, request, error));
  }

  async #stream(call, request, status, head, chunks) {
    let [kind, lines, code] = [RESPONSE, head, status];
    const partMax = Math.floor(this.link.messageMax / 2);
    let next = chunks.next();
    for (;;) {
      const { done, value } = await next;
      if (done) break;
      next = chunks.next();
      const isLast = await endsNow(next);
      const chunk = typeof value === "string" ? Buffer.from(value) : asBytes(value);
      for (let at = 0; at < chunk.length; at += partMax) {
        if (request.isCancelled) {
          await chunks.return?.();
          this.#end(call, FAILED, 0, "", Buffer.from("cancelled"));
          return;
        }
        const part = chunk.subarray(at, at + partMax);
        if (isLast && at + partMax >= chunk.length) {
          this.#end(call, kind, code, lines, part);
          return;
        }
        if (!this.link.send(kind, 0, code, call, lines, part)) await this.link.drained();
        [kind, lines, code] = [RESPONSE_BODY, "", 0];
      }
    }
    this.#end(call, kind, code, lines, EMPTY);
  }

  #failed(call, request, error) {
    console.error(`pilotlight: ${request.method} ${request.target} failed (request ${request.requestId || call}):`, error);
    if (this.#open.has(call)) this.#end(call, FAILED, 0, "", Buffer.from(String(error).slice(0, 2048)));
  }

  #end(call, kind, status, head, body) {
    this.#open.delete(call);
    this.link.send(kind, END, status, call, head, body);
    this.#stopIfDone();
  }

  #stopIfDone() {
    if (this.#isStopping && this.#open.size === 0) this.link.drained().then(this.#onStopped);
  }
}

async function* oneChunk(bytes) {
  yield bytes;
}

/** Asked for with the chunk before it, so that a body of one piece leaves as one message: has the stream ended by the next turn? */
function endsNow(next) {
  const ended = next.then(
    ({ done }) => done === true,
    () => false,
  );
  return Promise.race([ended, new Promise((resolve) => setImmediate(resolve, false))]);
}

/** Status, head and body of whatever a handler may return. */
function partsOf(value) {
  const isAnswer = value instanceof Answer;
  const isResponse = !isAnswer && typeof value?.status === "number" && typeof value.arrayBuffer === "function";
  if (!isAnswer && !isResponse) {
    if (value === undefined || value === null) throw new TypeError(`the handler returned ${value}; for an empty answer return ""`);
    return { status: 200, ...bodyOf(value) };
  }
  const { status, headers } = value;
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new RangeError(`the status of an answer is from 200 to 599, not ${status}`);
  const { head: type, body } = value.body === null ? { head: "", body: EMPTY } : bodyOf(value.body);
  const lines = linesOf(headers);
  return { status, head: isResponse || /^content-type:/m.test(lines) ? lines : type + lines, body };
}

function bodyOf(value) {
  if (typeof value === "string") return { head: TEXT, body: Buffer.from(value) };
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return { head: BYTES, body: asBytes(value) };
  if (typeof value?.[Symbol.asyncIterator] === "function") return { head: BYTES, body: value };
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`a handler can't answer with a ${typeof value}`);
  return { head: JSON_TYPE, body: Buffer.from(text) };
}

function asBytes(value) {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError(`a body is made of strings and bytes, not of a ${typeof value}`);
}

function linesOf(headers) {
  let lines = "";
  for (const [name, value] of typeof headers[Symbol.iterator] === "function" ? headers : Object.entries(headers)) {
    if (SERVERS_OWN.has(name.toLowerCase())) continue;
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name of a header`);
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) throw new TypeError(`the header ${name} can't have the value ${JSON.stringify(value)}`);
    lines += `${name.toLowerCase()}: ${value}\n`;
  }
  return lines;
}

/** The ring's file as memory; null with a line in the log where frames will do. */
function mappedRing() {
  const path = process.env.PILOTLIGHT_RING;
  if (!path) return null;
  const warn = process.emitWarning;
  try {
    // That node:ffi is experimental is no news for the function's log.
    process.emitWarning = () => {};
    const ffi = process.getBuiltinModule?.("node:ffi");
    if (ffi === undefined) throw new Error(`Node ${process.version} has no node:ffi to map it with`);
    const { functions } = ffi.dlopen(null, {
      mmap: { arguments: ["pointer", "uint64", "int32", "int32", "int32", "int64"], return: "pointer" },
    });
    const file = openSync(path, "r+");
    try {
      const { size } = fstatSync(file);
      const [readAndWrite, shared] = [3, 1];
      const pointer = functions.mmap(0n, BigInt(size), readAndWrite, shared, file, 0n);
      if (BigInt.asIntN(64, pointer) === -1n) throw new Error(`${path} can't be mapped`);
      return ffi.toArrayBuffer(pointer, size, false);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    notTheRing(error.message);
    return null;
  } finally {
    process.emitWarning = warn;
  }
}

/** Answers calls with `handler`, up to `concurrency` at a time, until the server says stop; then the process exits with 0. */
export function serve(handler, options = {}) {
  // While Node builds a startup snapshot of this program, calls are a matter of the processes that will be made of it.
  if (!startupSnapshot.isBuildingSnapshot()) {
    answerCalls(handler, options);
    return;
  }
  startupSnapshot.setDeserializeMainFunction(() => {
    drainRandom();
    answerCalls(handler, options);
  });
}

/** Node draws 128 UUIDs and 1,024 integers ahead: in a snapshot, they would be the same in every process. */
function drainRandom() {
  const { randomInt, randomUUID } = process.getBuiltinModule("node:crypto");
  for (let count = 0; count < 128; count++) randomUUID();
  for (let count = 0; count < 1024; count++) randomInt(2);
}

function answerCalls(handler, { concurrency = 16, bodyMax = 64 * 1024 * 1024 }) {
  const handle = typeof handler === "function" ? handler : handler.fetch.bind(handler);
  const path = process.env.PILOTLIGHT_SOCKET || process.env.AETHER_SOCKET;
  if (!path) end(1, "PILOTLIGHT_SOCKET is not set: this program is a function; start it with `pilotlight serve FILE`");
  const memory = mappedRing();
  const socket = connect(path);
  let isConnected = false;
  socket.on("error", (error) => {
    if (!isConnected) end(1, `cannot connect to the server at ${path}: ${error.message}`);
  });
  socket.on("close", () => process.exit(0));
  socket.once("connect", () => {
    isConnected = true;
    const calls = new Calls(handle, bodyMax, () => socket.end(() => process.exit(0)));
    calls.link = linkOf(socket, memory, calls);
    socket.write(`READY ${calls.link.name} ${concurrency}\n`);
  });
}

function linkOf(socket, memory, calls) {
  const deliver = (kind, flags, call, head, body) => calls.receive(kind, flags, call, head, body);
  if (memory === null) return new Frames(socket, deliver);
  try {
    return new Ring(socket, deliver, memory, () => calls.isBusy);
  } catch (error) {
    notTheRing(error.message);
    return new Frames(socket, deliver);
  }
}

function notTheRing(reason) {
  console.error(`pilotlight: calls come in frames, not through the ring: ${reason}`);
}

function broken(text) {
  end(1, `the server sent ${text}`);
}

function end(code, text) {
  console.error(`pilotlight: ${text}`);
  process.exit(code);
}
