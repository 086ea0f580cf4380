/**
 * CRIU launcher: instances of a function as copies of one that was ready
 * (`snapshot: criu`). The first is started plainly, and when it is ready an image
 * is taken of another; those after it are made of the image. Whenever that can't
 * be, the instance is started plainly and says why: nothing here is worth a call
 * that fails. The slow are told and counted.
 */
import { fail, ok, type Result } from "../../../base/result.ts";
import { formatDuration } from "../../../base/units.ts";
import type { LaunchedProcess, Launcher, LaunchFailure, LaunchOrder } from "../launch/launched.ts";
import type { MachineFacts } from "../launch/machine-facts.ts";
import type { ProcessLog } from "../launch/output-reader.ts";
import { type LaunchSubject, PLAIN, PlainLauncher } from "../launch/plain-launcher.ts";
import { criuLack } from "./criu-needs.ts";
import { restoreProcess } from "./criu-restore.ts";
import { type CriuImage, takeImage } from "./criu-template.ts";
import { keyOfFunction } from "./function-key.ts";
import { ImageKeeper } from "./image-keeper.ts";
import { lackOf, openStore, QUIET } from "./launcher-parts.ts";

export class CriuLauncher implements Launcher {
  readonly #subject: LaunchSubject;
  readonly #facts: MachineFacts;
  readonly #log: ProcessLog;
  readonly #plain: PlainLauncher;
  /** What the template writes was written by the first instance before. */
  readonly #quiet: PlainLauncher;
  readonly #lack: string | null;
  #keeper: Promise<Result<ImageKeeper<CriuImage>, string>> | null = null;
  #asked: Promise<void> = Promise.resolve();
  #isClosed = false;
  #restoreCount = 0;
  #slowCount = 0;

  /** `facts` with those of CRIU. */
  constructor(subject: LaunchSubject, facts: MachineFacts, log: ProcessLog) {
    this.#subject = subject;
    this.#facts = facts;
    this.#log = log;
    this.#plain = new PlainLauncher(subject, facts, log);
    this.#quiet = new PlainLauncher(subject, facts, QUIET);
    this.#lack = criuLack(subject.settings, facts);
    // An image that is there is read through before the first call needs it.
    if (this.#lack === null) void this.#images().then((keeper) => (keeper.ok ? keeper.value.image() : keeper));
  }

  async launch(order: LaunchOrder): Promise<Result<LaunchedProcess, LaunchFailure>> {
    const restored = await this.#restore(order);
    if (restored.ok) return restored;
    const started = await this.#plain.start(order, { ...PLAIN, insteadBecause: restored.failure });
    if (started.ok && this.#lack === null) {
      this.#asked = started.value.ready.then((ready) => (ready.ok ? this.#makeImage() : undefined));
    }
    return started;
  }

  /** For tests: until the image that the last start asked for is made, or can't be. */
  async settled(): Promise<void> {
    await this.#asked;
    const keeper = await this.#keeper;
    if (keeper?.ok) await keeper.value.settled();
  }

  close(): void {
    this.#isClosed = true;
    void this.#keeper?.then((keeper) => {
      if (keeper.ok) keeper.value.close();
    });
    this.#plain.close();
    this.#quiet.close();
  }

  /** The fault is a phrase. */
  async #restore(order: LaunchOrder): Promise<Result<LaunchedProcess, string>> {
    const lack = this.#lack ?? lackOf(order, this.#subject.settings);
    if (lack !== null) return fail(lack);
    const keeper = await this.#images();
    if (!keeper.ok) return keeper;
    const image = await keeper.value.image();
    if (!image.ok) return image;
    const criuFile = this.#facts.criu.file!;
    const restored = await restoreProcess({ plain: this.#plain, criuFile, image: image.value }, order);
    if (!restored.ok) {
      const why = `CRIU can't restore it: ${restored.failure}`;
      // Its socket went with the launcher: that is no fault of the image.
      if (!this.#isClosed) keeper.value.refuse(image.value, why);
      return fail(why);
    }
    this.#count(order.instance, restored.value.spawnMs);
    return ok(restored.value);
  }

  #count(instance: number, restoreMs: number): void {
    const { functionId, settings } = this.#subject;
    this.#restoreCount++;
    if (restoreMs <= settings.restoreTimeoutMs) return;
    this.#slowCount++;
    // Where all are slow, each line says less than the one before.
    if ((this.#slowCount & (this.#slowCount - 1)) !== 0) return;
    const took = `restoring instance ${instance} took ${formatDuration(Math.round(restoreMs))}`;
    const limit = `longer than restore_timeout (${formatDuration(settings.restoreTimeoutMs)})`;
    this.#log.note(`${functionId}: ${took}, ${limit}; so did ${this.#slowCount} of ${this.#restoreCount} restores`);
  }

  async #makeImage(): Promise<void> {
    const keeper = await this.#images();
    if (keeper.ok) keeper.value.makeSoon();
  }

  #images(): Promise<Result<ImageKeeper<CriuImage>, string>> {
    this.#keeper ??= this.#openKeeper();
    return this.#keeper;
  }

  async #openKeeper(): Promise<Result<ImageKeeper<CriuImage>, string>> {
    const [subject, facts, plain] = [this.#subject, this.#facts, this.#quiet];
    const store = openStore<CriuImage>("criu", subject);
    if (!store.ok) return store;
    try {
      const key = await keyOfFunction(subject, { kind: "criu", maker: `criu ${facts.criu.version}` });
      const build = (dir: string, signal: AbortSignal) => takeImage({ subject, facts, plain }, dir, signal);
      return ok(new ImageKeeper({ store: store.value, key, build, note: (text) => this.#log.note(`${subject.functionId}: ${text}`) }));
    } catch (error) {
      return fail(`its image can't be named: ${(error as Error).message}`);
    }
  }
}
