/**
 * POST /explain: takes a lock file from whoever sends it and answers with what
 * the policy does to it. Bounded in the number of those under way, because
 * each holds its body, and in the number of threads at once.
 */
import { Turns } from "../../base/turns.ts";
import { JSON_LINE, NO_STORE_LINE, RETRY_SOON_LINE } from "../../http/answer-lines.ts";
import type { Exchange } from "../../http/exchange.ts";
import type { ThreadExplanation } from "../explain/explain-in-thread.ts";
import type { LookUp } from "../explain/explain-requirements.ts";
import { LOCK_FILE_MAX_BYTES } from "../lockfile/lock-file.ts";
import { answerProblem } from "../problem-answer.ts";

export interface PostLimits {
  /** Those that are read or wait count, too. */
  readonly underWayMax: number;
  readonly atOnceMax: number;
}

const LIMITS: PostLimits = { underWayMax: 16, atOnceMax: 2 };

const NOTHING_SENT = "Cannot read the requirements: the body is empty; send uv.lock, pylock.toml or requirements";

export class PostedExplanations {
  readonly #lookUp: LookUp;
  readonly #limits: PostLimits;
  readonly #turns: Turns;
  #underWay = 0;

  constructor(lookUp: LookUp, limits: PostLimits = LIMITS) {
    this.#lookUp = lookUp;
    this.#limits = limits;
    this.#turns = new Turns(limits.atOnceMax);
  }

  async answer(exchange: Exchange): Promise<void> {
    if (this.#underWay >= this.#limits.underWayMax) {
      answerProblem(exchange, 503, "BUSY", "Too many lock files are being explained: try again shortly", RETRY_SOON_LINE);
      return;
    }
    this.#underWay++;
    try {
      const lockFile = await readBody(exchange);
      if (lockFile === "too-large") answerProblem(exchange, 413, "BODY_TOO_LARGE", `A lock file may have ${LOCK_FILE_MAX_BYTES} bytes`);
      else if (lockFile?.length === 0) answerProblem(exchange, 400, "BAD_REQUIREMENTS", NOTHING_SENT);
      else if (lockFile !== null) await this.#explain(exchange, lockFile);
    } finally {
      this.#underWay--;
    }
  }

  async #explain(exchange: Exchange, lockFile: Uint8Array): Promise<void> {
    const leaving = new AbortController();
    // Who only ended its side may still wait for the answer.
    exchange.onAbort = (mayWait = false) => {
      if (!mayWait) leaving.abort();
    };
    const explained = await this.#turns.run<ThreadExplanation | null>(async () => {
      if (exchange.aborted) return null;
      const { explainInThread } = await import("../explain/explain-in-thread.ts");
      return explainInThread({ lockFile, nameHint: exchange.header("content-type") ?? null }, this.#lookUp, leaving.signal);
    });
    exchange.onAbort = null;
    if (explained === null || exchange.aborted) return;
    if (explained.kind === "answer") exchange.respond(200, JSON_LINE + NO_STORE_LINE, explained.json);
    else answerProblem(exchange, 400, "BAD_REQUIREMENTS", `Cannot read the requirements: ${explained.reason}`);
  }
}

/** Memory of its own. Null when there is nobody to answer: the listener has refused it, or the client has left. */
async function readBody({ body }: Exchange): Promise<Uint8Array | "too-large" | null> {
  if (body.length !== null && body.length > LOCK_FILE_MAX_BYTES) return "too-large";
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (let chunk = await body.read(); chunk !== null; chunk = await body.read()) {
      bytes += chunk.length;
      if (bytes > LOCK_FILE_MAX_BYTES) return "too-large";
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
