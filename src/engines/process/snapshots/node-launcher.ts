/**
 * Node launcher: instances of a function for Node from a V8 startup snapshot
 * (`snapshot: node`): what the function does before serve() has been done, and its
 * objects are read from a file. Each is a process of its own like any other. The first
 * from a new snapshot has to prove it: when it does not come to READY, it is started
 * plainly, and the snapshot is no more used.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { fail, ok, type Result } from "../../../base/result.ts";
import type { LaunchedProcess, Launcher, LaunchFailure, LaunchOrder } from "../launch/launched.ts";
import type { MachineFacts } from "../launch/machine-facts.ts";
import type { ProcessLog } from "../launch/output-reader.ts";
import { type LaunchSubject, PLAIN, PlainLauncher, type StartVariant } from "../launch/plain-launcher.ts";
import { findProgram } from "../launch/program.ts";
import { keyOfFunction } from "./function-key.ts";
import { ImageKeeper } from "./image-keeper.ts";
import type { Image } from "./image-store.ts";
import { lackOf, openStore } from "./launcher-parts.ts";
import { type NodeProgram, nodeProgramOf } from "./node-program.ts";
import { BLOB, buildSnapshot } from "./node-snapshot.ts";

const HEAD_BYTES = 512;

interface Snapshots {
  readonly program: NodeProgram;
  readonly keeper: ImageKeeper<null>;
}

export class NodeLauncher implements Launcher {
  readonly #subject: LaunchSubject;
  readonly #log: ProcessLog;
  readonly #plain: PlainLauncher;
  readonly #facts: MachineFacts;
  readonly #snapshots: Promise<Result<Snapshots, string>>;
  #proven: Image<null> | null = null;
  #asked: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(subject: LaunchSubject, facts: MachineFacts, log: ProcessLog) {
    this.#subject = subject;
    this.#log = log;
    this.#plain = new PlainLauncher(subject, facts, log);
    this.#facts = facts;
    this.#snapshots = this.#open();
    // A snapshot that is there is read through before the first call needs it.
    void this.#snapshots.then((opened) => (opened.ok ? opened.value.keeper.image() : opened));
  }

  async launch(order: LaunchOrder): Promise<Result<LaunchedProcess, LaunchFailure>> {
    const deserialized = await this.#deserialize(order);
    if (deserialized.ok) return deserialized;
    const started = await this.#plain.start(order, { ...PLAIN, insteadBecause: deserialized.failure });
    if (started.ok) {
      this.#asked = started.value.ready.then((ready) => (ready.ok ? this.#buildSoon() : undefined));
    }
    return started;
  }

  /** For tests: until the snapshot that the last start asked for is built, or can't be. */
  async settled(): Promise<void> {
    await this.#asked;
    const opened = await this.#snapshots;
    if (opened.ok) await opened.value.keeper.settled();
  }

  close(): void {
    this.#isClosed = true;
    void this.#snapshots.then((opened) => {
      if (opened.ok) opened.value.keeper.close();
    });
    this.#plain.close();
  }

  /** The fault is a phrase. */
  async #deserialize(order: LaunchOrder): Promise<Result<LaunchedProcess, string>> {
    const lack = lackOf(order, this.#subject.settings);
    if (lack !== null) return fail(lack);
    const opened = await this.#snapshots;
    if (!opened.ok) return opened;
    const { keeper, program } = opened.value;
    const image = await keeper.image();
    if (!image.ok) return image;
    const started = await this.#plain.start(order, variantOf(program, image.value));
    const failure = started.ok ? await this.#prove(started.value, image.value) : started.failure.message;
    if (started.ok && failure === null) return started;
    const why = `no instance comes of its startup snapshot: ${failure}`;
    if (!this.#isClosed) keeper.refuse(image.value, why);
    return fail(why);
  }

  /** Null when the snapshot is good, or was. */
  async #prove(process: LaunchedProcess, image: Image<null>): Promise<string | null> {
    if (this.#proven === image) return null;
    const ready = await process.ready;
    if (ready.ok) {
      this.#proven = image;
      return null;
    }
    process.kill();
    await process.ended;
    return ready.failure.message;
  }

  async #buildSoon(): Promise<void> {
    const opened = await this.#snapshots;
    if (opened.ok) opened.value.keeper.makeSoon();
  }

  async #open(): Promise<Result<Snapshots, string>> {
    const [subject, facts] = [this.#subject, this.#facts];
    const program = programOf(subject);
    if (!program.ok) return program;
    const store = openStore<null>("node", subject);
    if (!store.ok) return store;
    try {
      const key = await keyOfFunction(subject, { kind: "node", maker: program.value.command.join(" ") });
      const build = (dir: string, signal: AbortSignal) => buildSnapshot({ subject, program: program.value, facts }, dir, signal);
      const note = (text: string) => this.#log.note(`${subject.functionId}: ${text}`);
      return ok({ program: program.value, keeper: new ImageKeeper({ store: store.value, key, build, note }) });
    } catch (error) {
      return fail(`its snapshot can't be named: ${(error as Error).message}`);
    }
  }
}

function programOf({ functionId, file, settings, env }: LaunchSubject): Result<NodeProgram, string> {
  if (settings.call === "stdio") return fail("a one-shot program does all it does in its call");
  const searchPath = env["PATH"] ?? process.env["PATH"] ?? "";
  const program = findProgram({ functionId, functionFile: file, command: settings.command, port: 0, searchPath });
  return program.ok ? nodeProgramOf(program.value, headOf(program.value.file), file) : fail(program.failure.message);
}

function variantOf({ command, script, args }: NodeProgram, { dir }: Image<null>): StartVariant {
  const [file, ...flags] = command;
  return {
    ...PLAIN,
    origin: "deserialized",
    execute: (run) => ({ ...run, program: { file, args: [...flags, "--snapshot-blob", join(dir, BLOB), script, ...args] } }),
  };
}

function headOf(file: string): string {
  try {
    const descriptor = openSync(file, "r");
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      return head.toString("latin1", 0, readSync(descriptor, head));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return "";
  }
}
