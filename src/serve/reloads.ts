/**
 * Reloads: what is on disk now takes the place of what is served, one reload
 * after the other. It is over when no worker serves what was before: whoever
 * waits for it may send a request to what is new. On failure, a throw of ours
 * included, the old deployment stays and the log says why.
 */
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { Config } from "../config/config.ts";
import type { LogLevel } from "../telemetry/log-record.ts";
import { describeReload, type LiveDeployment, type Renewal } from "./live-deployment.ts";

export interface ReloadsHost {
  readonly live: LiveDeployment;
  /** The configuration as it is now. */
  reconfigure(): Promise<Result<Config, readonly Failure[]>>;
  record(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** The new deployment is there: workers are to be told. Resolves when all of them serve it. */
  onRenewed(renewal: Renewal): Promise<void>;
}

export class Reloads {
  readonly #host: ReloadsHost;
  #last: Promise<Result<void, readonly Failure[]>> = Promise.resolve(ok(undefined));

  constructor(host: ReloadsHost) {
    this.#host = host;
  }

  /** What is served first: a reload that is asked for meanwhile comes behind it. */
  first(config: Config): Promise<Result<Renewal, readonly Failure[]>> {
    const renewed = this.#host.live.renew(config);
    const over = () => ok(undefined);
    this.#last = renewed.then(over, over);
    return renewed;
  }

  reload(): Promise<Result<void, readonly Failure[]>> {
    this.#last = this.#last.then(() => this.#reload()).catch((error: Error) => this.#threw(error));
    return this.#last;
  }

  async #reload(): Promise<Result<void, readonly Failure[]>> {
    const { live, reconfigure, record, onRenewed } = this.#host;
    const config = await reconfigure();
    const renewed = config.ok ? await live.renew(config.value) : config;
    if (!renewed.ok) {
      for (const failure of renewed.failure)
        record("error", `The old deployment stays: ${failure.message}`, { ...failure, message: undefined });
      return renewed;
    }
    await onRenewed(renewed.value);
    for (const notice of renewed.value.notices) record("warn", notice);
    const { version, functions } = live.current;
    record("info", describeReload(renewed.value), { version, functions: functions.length });
    return ok(undefined);
  }

  #threw(error: Error): Result<never, readonly Failure[]> {
    this.#host.record("error", `The old deployment stays: the reload failed: ${error.message}`, {
      code: "RELOAD_FAILED",
      stack: error.stack,
    });
    return fail([{ code: "RELOAD_FAILED", message: `Cannot reload: ${error.message}`, hint: "The server's log has the stack" }]);
  }
}
