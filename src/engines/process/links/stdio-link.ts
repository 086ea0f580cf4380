/**
 * Stdio link: one call for one process, which gets the body on its standard
 * input (the rest is its environment, stdio-environment.ts) and answers on its
 * standard output. What its end means is in stdio-call.ts. The streams
 * stay the owner's: whoever launched the process closes them, and ends it.
 */
import { assert } from "../../../base/assert.ts";
import type { Call } from "../../engine.ts";
import type { LaunchedProcess } from "../launch/launched.ts";
import type { CallEnd, Link, LinkedCall } from "./link.ts";
import { StdioCall } from "./stdio-call.ts";
import type { OutputForm } from "./stdio-output.ts";

export type StdioProcess = Pick<LaunchedProcess, "stdin" | "stdout" | "ended" | "lastErrorLines">;

export interface StdioLinkOptions {
  readonly functionId: string;
  readonly form: OutputForm;
  /** Of the whole output; null is no limit: what is long is sent as it comes. */
  readonly outputMaxBytes: number | null;
}

export class StdioLink implements Link {
  readonly way = "stdio";
  readonly cancelledCount = 0;
  readonly #process: StdioProcess;
  readonly #options: StdioLinkOptions;
  #call: StdioCall | null = null;
  #closedBecause: string | null = null;
  onBroken: ((why: string) => void) | null = null;

  constructor(process: StdioProcess, options: StdioLinkOptions) {
    this.#process = process;
    this.#options = options;
  }

  begin(call: Call, ended: (end: CallEnd) => void): LinkedCall {
    assert(this.#call === null, "a one-shot process was given a second call");
    const open = new StdioCall(call, ended, this.#process, this.#options);
    this.#call = open;
    const closedBecause = this.#closedBecause;
    if (closedBecause === null) open.start();
    else queueMicrotask(() => open.lost(closedBecause));
    return open;
  }

  /** It has nothing to say but its answer. */
  isHealthy(): Promise<boolean> {
    return Promise.resolve(this.#closedBecause === null);
  }

  askToStop(): void {}

  close(why: string): void {
    this.#closedBecause ??= why;
    this.#call?.lost(why);
  }
}
