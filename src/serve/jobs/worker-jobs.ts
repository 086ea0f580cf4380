/**
 * Jobs of one worker: what its front asks of them and when its runner wakes.
 * Nearly all servers have no jobs, so nothing is opened or loaded until there is
 * one: from a request, from a function, or left by a server before this one.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { JobsConfig } from "../../config/config.ts";
import { answerError } from "../../http/error-answer.ts";
import type { Exchange } from "../../http/exchange.ts";
import { headerPairs, valuesOf } from "../../http/hop-by-hop.ts";
import type { Store } from "../../store/store.ts";
import type { Log } from "../access-log.ts";
import type { ServerAnswers } from "../server-answers.ts";
import type { JobEvent, JobRunner, JobTarget } from "./job-runner.ts";

export interface WorkerJobsHost<Target extends JobTarget> {
  readonly dataDir: string;
  readonly policy: JobsConfig;
  readonly answers: ServerAnswers;
  /** A worker that serves one function alone leaves jobs to the shared ones, a server for one command to the next server. */
  readonly runs: "here" | "elsewhere" | "nowhere";
  readonly log: Log;
  openStore(): Promise<Store>;
  targets(): readonly Target[];
  call(exchange: Exchange, target: Target, params: Readonly<Record<string, string>> | null): void;
  tell(event: JobEvent): void;
}

/** Tells a job's call from a request, to which a client may add it. */
export const JOB_HEADER = "x-pilotlight-job";

/** Not while the worker starts. */
const FIRST_LOOK_AFTER_MS = 250;

export class WorkerJobs<Target extends JobTarget> {
  readonly #host: WorkerJobsHost<Target>;
  #runner: Promise<JobRunner<Target>> | null = null;
  #draining = false;

  constructor(host: WorkerJobsHost<Target>) {
    this.#host = host;
    if (host.runs === "here") setTimeout(() => this.#resume(), FIRST_LOOK_AFTER_MS).unref();
  }

  /** False when the client waits for the answer after all. */
  accept(exchange: Exchange, functionId: string, params: Readonly<Record<string, string>> | null): boolean {
    const { policy, answers } = this.#host;
    if (!policy.requests || !asksForLater(exchange)) return false;
    answers.expect(exchange, "jobs");
    this.#accept(exchange, functionId, params).catch((error: Error) => this.#failed(exchange, error));
    return true;
  }

  /** GET of a job's URL. */
  answer(exchange: Exchange, path: string): void {
    this.#host.answers.expect(exchange, "jobs");
    if (exchange.method !== "GET" && exchange.method !== "HEAD") {
      answerError(exchange, 405, "METHOD_NOT_ALLOWED", `${exchange.method} is not among GET, HEAD`, "allow: GET, HEAD\r\n");
      return;
    }
    this.#answer(exchange, path).catch((error: Error) => this.#failed(exchange, error));
  }

  /** There may be something to do. */
  readonly wake = (): void => {
    if (this.#draining) return;
    if (this.#host.runs === "here") this.#withRunner((runner) => runner.wake());
    else if (this.#host.runs === "elsewhere") this.#host.tell("waiting");
  };

  deployed(): void {
    if (this.#runner !== null) this.#withRunner((runner) => runner.deployed());
  }

  /** Before the store is closed. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    await (await this.#runner)?.drain(graceMs);
  }

  async #accept(exchange: Exchange, functionId: string, params: Readonly<Record<string, string>> | null): Promise<void> {
    const [{ acceptJob }, { jobs }] = await Promise.all([import("./accept-job.ts"), this.#host.openStore()]);
    const { policy, log } = this.#host;
    if (await acceptJob(exchange, { functionId, params, attemptsMax: policy.attemptsMax }, jobs, log)) this.wake();
  }

  async #answer(exchange: Exchange, path: string): Promise<void> {
    const { answerResult, answerUnknown, jobIdOf } = await import("./job-result.ts");
    const id = jobIdOf(path);
    // A stranger's guesses must not make the file.
    if (id === null || !this.#exists()) answerUnknown(exchange);
    else await answerResult(exchange, id, (await this.#host.openStore()).jobs, this.#host.policy.keepMs);
  }

  #failed(exchange: Exchange, error: Error): void {
    this.#host.log("error", `A request for a job failed: ${error.stack}`, { method: exchange.method, path: exchange.target });
    if (!exchange.answered) answerError(exchange, 500, "JOBS_FAILED", "The server failed to answer; its log says why");
  }

  #resume(): void {
    if (!this.#draining && this.#exists()) this.wake();
  }

  /** As store/tables.ts names it: that file loads SQLite. */
  #exists(): boolean {
    return existsSync(join(this.#host.dataDir, "store", "jobs.sqlite"));
  }

  #withRunner(work: (runner: JobRunner<Target>) => void): void {
    this.#runner ??= this.#loadRunner();
    this.#runner.then(work, (error: Error) => {
      this.#runner = null;
      this.#host.log("error", `Cannot run jobs: ${error.stack}`, { code: "JOBS_FAILED" });
    });
  }

  async #loadRunner(): Promise<JobRunner<Target>> {
    const [{ JobRunner }, { jobs }] = await Promise.all([import("./job-runner.ts"), this.#host.openStore()]);
    return new JobRunner<Target>(jobs, this.#host);
  }
}

/** RFC 7240 section 4.1, and Gojinn's own header. */
function asksForLater({ headerBlock }: Exchange): boolean {
  const pairs = headerPairs(headerBlock);
  if (valuesOf(pairs, "x-gojinn-async").some((value) => value.toLowerCase() === "true")) return true;
  return valuesOf(pairs, "prefer").some((value) => /(?:^|,)[ \t]*respond-async[ \t]*(?:[,;]|$)/i.test(value));
}
