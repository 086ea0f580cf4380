/**
 * Fork server: the server's side of a process that forks instances on request
 * (docs/process-protocol.md, "The fork server"). Sends FORK lines, reads what
 * became of them, and tells each child's end once. What it says is the
 * function's own code speaking: a pid is believed only if it is one of its
 * children, and a line out of place ends it.
 */
import type { Socket } from "node:net";
import { fail, ok, type Result } from "../../../base/result.ts";
import { SECOND_MS } from "../../../base/units.ts";
import type { RingFile } from "../ring/ring-file.ts";
import { sendWithDescriptor } from "./descriptor-passing.ts";
import type { ProcessEnd } from "./launched.ts";
import { endOfForked } from "./process-end.ts";
import { descendantsOf, innerPidOf } from "./process-tree.ts";
import type { StartedProcess } from "./started-process.ts";

/** A fork takes milliseconds; a server that is stuck must not hold up its instances. */
const FORK_TIMEOUT_MS = 5 * SECOND_MS;
const CLOSED_WAIT_MS = 500;
const LINE_MAX_BYTES = 4_096;

export interface ForkedChild {
  /** As seen from here; 0 when it had ended before it was found. */
  readonly pid: number;
  readonly ended: Promise<ProcessEnd>;
}

interface OpenFork {
  settle(result: Result<ForkedChild, string>): void;
  readonly ended: PromiseWithResolvers<ProcessEnd>;
}

export class ForkServer {
  /** Settles when it is gone, and with it all its children. */
  readonly ended: Promise<ProcessEnd>;
  readonly #process: StartedProcess;
  readonly #connection: Socket;
  readonly #forks = new Map<number, OpenFork>();
  #text = "";
  #isOver = false;

  constructor(process: StartedProcess, connection: Socket) {
    this.#process = process;
    this.#connection = connection;
    this.ended = process.ended;
    connection.setEncoding("latin1");
    connection.on("data", (text: string) => this.#read(text));
    connection.on("error", () => {});
    // A dead process closes it too, and its end tells more.
    connection.on("close", () => setTimeout(() => this.#broke("it closed its connection"), CLOSED_WAIT_MS).unref());
    void process.ended.then((end) => this.#over(end));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  lastErrorLines(): string {
    return this.#process.lastErrorLines();
  }

  /** `id` is used once. The fault is a phrase. */
  fork(id: number, socketPath: string, ring: RingFile | null): Promise<Result<ForkedChild, string>> {
    const line = Buffer.from(`FORK ${id} ${socketPath} ${ring === null ? "-" : "fd"}\n`);
    const socketFd = descriptorOf(this.#connection);
    if (this.#isOver || socketFd < 0) return Promise.resolve(fail("its fork server has ended"));
    const { promise, resolve } = Promise.withResolvers<Result<ForkedChild, string>>();
    const timer = setTimeout(
      () => resolve(fail(`its fork server did not answer within ${FORK_TIMEOUT_MS / SECOND_MS} s`)),
      FORK_TIMEOUT_MS,
    );
    const settle = (result: Result<ForkedChild, string>) => {
      clearTimeout(timer);
      resolve(result);
    };
    this.#forks.set(id, { settle, ended: Promise.withResolvers() });
    if (!sendWithDescriptor(socketFd, line, ring?.fd ?? null)) {
      this.#forks.delete(id);
      settle(fail("its fork server takes no more orders"));
    }
    return promise;
  }

  kill(): void {
    this.#process.kill();
  }

  #read(text: string): void {
    const lines = (this.#text + text).split("\n");
    this.#text = lines.pop()!;
    for (const line of lines) this.#obey(line);
    if (this.#text.length > LINE_MAX_BYTES) this.#broke("it sent a line without end");
  }

  #obey(line: string): void {
    const [word, idText = "", first = "", second = ""] = line.split(" ", 4);
    const id = Number(idText);
    const fork = this.#forks.get(id);
    if (fork === undefined) {
      // Of a fork that we had given up: nobody is to have that child.
      if (word === "FORKED") this.#endUnwanted(Number(first));
      else if (word !== "EXITED" && word !== "FAILED") this.#broke(`it said ${JSON.stringify(line.slice(0, 100))}`);
      return;
    }
    if (word === "FORKED") {
      const pid = this.#pidOf(Number(first));
      if (pid !== 0) this.#process.instancesBelow.add(pid);
      void fork.ended.promise.then(() => this.#process.instancesBelow.delete(pid));
      fork.settle(ok({ pid, ended: fork.ended.promise }));
    } else if (word === "FAILED") {
      this.#forks.delete(id);
      fork.settle(fail(`its fork server could not fork: ${line.slice(word.length + idText.length + 2, LINE_MAX_BYTES)}`));
    } else if (word === "EXITED") {
      this.#forks.delete(id);
      const end = endOfForked(Number(first) || 0, Number(second) || 0);
      fork.settle(fail(`the forked process ended at once: ${end.told}`));
      fork.ended.resolve(end);
    } else {
      this.#broke(`it said ${JSON.stringify(line.slice(0, 100))}`);
    }
  }

  /** Of its children, the one that has that pid in its namespace; 0 for none. */
  #pidOf(innerPid: number): number {
    return descendantsOf(this.#process.pid, this.#process.instancesBelow).find((pid) => innerPidOf(pid) === innerPid) ?? 0;
  }

  #endUnwanted(innerPid: number): void {
    const pid = this.#pidOf(innerPid);
    if (pid !== 0) process.kill(pid, "SIGKILL");
  }

  #broke(why: string): void {
    if (!this.#isOver) this.#process.endBecause(why);
  }

  #over(end: ProcessEnd): void {
    this.#isOver = true;
    this.#connection.destroy();
    const told = `ended with its fork server: ${end.told}`;
    for (const fork of this.#forks.values()) {
      fork.settle(fail(told));
      fork.ended.resolve({ code: null, signal: "SIGKILL", told });
    }
    this.#forks.clear();
  }
}

/** -1 when it is closed. */
function descriptorOf(socket: Socket): number {
  return (socket as unknown as { _handle: { fd: number } | null })._handle?.fd ?? -1;
}
