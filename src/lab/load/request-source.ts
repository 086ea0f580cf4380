/**
 * RequestSource: the bytes of the next requests, one piece for one write. A
 * request that is always the same is put together once; several on a pipelined
 * connection leave together. Bytes travel as a latin1 string while that is
 * cheaper: Node writes a short string without looking at a buffer's backing.
 */
import { createRandom } from "../../stats/random.ts";
import { type FillSource, fillTemplate } from "./body-template.ts";
import type { LoadPlan, TemplatePart } from "./plan.ts";

const STRING_MAX_BYTES = 16_384;

export interface RequestSource {
  /** `count` requests one after the other; a string is latin1. */
  next(count: number): string | Buffer;
}

/** Threads draw from sequences of their own, so that no value comes twice. */
export function createRequestSource(plan: LoadPlan, threadIndex: number): RequestSource {
  if (plan.body?.kind === "template") return new TemplateRequests(plan, plan.body.parts, threadIndex);
  const body = plan.body === null ? Buffer.alloc(0) : Buffer.from(plan.body.bytes);
  const sendsLength = plan.body !== null;
  return new SameRequests(Buffer.concat([Buffer.from(headText(plan, sendsLength ? body.length : null), "latin1"), body]));
}

/** Everything before the body, with the empty line. */
export function headText({ target, method, headers, keepsAlive }: LoadPlan, bodyBytes: number | null): string {
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const lines = [`${method} ${target.path} HTTP/1.1`];
  const isDefaultPort = target.port === (target.protocol === "https:" ? 443 : 80);
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  if (!given.has("host")) lines.push(`host: ${host}${isDefaultPort ? "" : `:${target.port}`}`);
  if (!given.has("connection") && !keepsAlive) lines.push("connection: close");
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (bodyBytes !== null && !given.has("content-length")) lines.push(`content-length: ${bodyBytes}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

class SameRequests implements RequestSource {
  readonly #one: Buffer;
  readonly #byCount: (string | Buffer)[] = [];

  constructor(one: Buffer) {
    this.#one = one;
  }

  next(count: number): string | Buffer {
    this.#byCount[count] ??= this.#join(count);
    return this.#byCount[count];
  }

  #join(count: number): string | Buffer {
    const bytes = Buffer.concat(Array.from({ length: count }, () => this.#one));
    return bytes.length <= STRING_MAX_BYTES ? bytes.toString("latin1") : bytes;
  }
}

const SEED_STEP = 0x9e3779b9;

class TemplateRequests implements RequestSource {
  readonly #plan: LoadPlan;
  readonly #parts: readonly TemplatePart[];
  readonly #source: FillSource;

  constructor(plan: LoadPlan, parts: readonly TemplatePart[], threadIndex: number) {
    this.#plan = plan;
    this.#parts = parts;
    let sequence = threadIndex - plan.threadCount;
    this.#source = {
      nextSequence() {
        sequence += plan.threadCount;
        return sequence;
      },
      random: createRandom((plan.seed + SEED_STEP * (threadIndex + 1)) >>> 0),
      epochMs: Date.now,
    };
  }

  next(count: number): Buffer {
    const pieces: Buffer[] = [];
    for (let at = 0; at < count; at++) {
      const body = Buffer.from(fillTemplate(this.#parts, this.#source));
      pieces.push(Buffer.from(headText(this.#plan, body.length), "latin1"), body);
    }
    return Buffer.concat(pieces);
  }
}
