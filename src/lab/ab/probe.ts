/**
 * A checked answer: a server is up when it gives the right one, not when its
 * port opens. Asks on a connection of its own, again and again, until the
 * answer passes every check of the plan or the time is over.
 */
import { request } from "node:http";
import { AnswerChecks } from "../load/answer-checks.ts";
import type { LoadPlan } from "../load/plan.ts";
import { parseHead } from "../load/response-head.ts";
import { CHECKED_BODY_MAX_BYTES } from "../load/response-reader.ts";

/** Boot time is as fine as this: a busy loop would take the core from a server that shares it. */
const POLL_INTERVAL_MS = 1;
/** The last question gets a fair time too: what it hears is the reason that is shown. */
const ASK_MIN_MS = 200;

export interface Answer {
  readonly status: number;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  /** Null when it is larger than a check reads. */
  readonly body: Buffer | null;
}

export type Waited = { readonly isUp: true; readonly atMs: number } | { readonly isUp: false; readonly because: string };

/** `hasEnded` says why waiting is in vain; null while it isn't. */
export async function waitForAnswer(
  plan: LoadPlan,
  timeoutMs: number,
  hasEnded: () => string | null,
  signal?: AbortSignal,
): Promise<Waited> {
  const deadlineMs = performance.now() + timeoutMs;
  const checks = new AnswerChecks(plan.checks);
  for (;;) {
    const answer = await ask(plan, Math.min(plan.timeoutMs, Math.max(ASK_MIN_MS, deadlineMs - performance.now())), signal);
    const atMs = performance.now();
    const wrong = typeof answer === "string" ? answer : wrongWith(plan, checks, answer);
    if (wrong === null) return { isUp: true, atMs };
    const ended = hasEnded();
    if (ended !== null) return { isUp: false, because: ended };
    if (signal?.aborted) return { isUp: false, because: "was interrupted" };
    if (atMs > deadlineMs) return { isUp: false, because: `gave no right answer within ${Math.round(timeoutMs)} ms: ${wrong}` };
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

/** What is wrong with an answer, as a phrase; null when nothing is. Judged as under load. */
function wrongWith({ method, checks }: LoadPlan, answerChecks: AnswerChecks, { status, rawHeaders, body }: Answer): string | null {
  const lines = [`HTTP/1.1 ${status}`];
  for (let at = 0; at < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  const head = parseHead(lines.join("\r\n"), method === "HEAD", checks.headers);
  if (typeof head === "string") return `its answer ${head}`;
  const complaint = answerChecks.complain(head, {
    body: () => body,
    isAsExpected: body !== null && answerChecks.expectedBody?.equals(body) === true,
  });
  return complaint === null ? null : complaint.message;
}

/** One request; the phrase says what came instead of an answer. */
export function ask(plan: LoadPlan, timeoutMs: number, signal?: AbortSignal): Promise<Answer | string> {
  const { target, method, headers } = plan;
  const { promise, resolve } = Promise.withResolvers<Answer | string>();
  const byName = Map.groupBy(headers, ([name]) => name.toLowerCase());
  const asked = request(
    {
      host: target.host,
      port: target.port,
      path: target.path,
      method,
      // Given here, a header that node:http refuses is refused before anything is opened.
      headers: Object.fromEntries([...byName].map(([name, same]) => [name, same.map(([, value]) => value)])),
      agent: false,
      ...(signal && { signal }),
    },
    (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size <= CHECKED_BODY_MAX_BYTES) chunks.push(chunk);
      });
      response.on("end", () => {
        const body = size <= CHECKED_BODY_MAX_BYTES ? Buffer.concat(chunks) : null;
        resolve({ status: response.statusCode ?? 0, rawHeaders: response.rawHeaders, body });
      });
      response.on("error", () => resolve("its answer broke off"));
      response.on("close", () => resolve("its answer broke off"));
    },
  );
  const timer = setTimeout(() => asked.destroy(new Error("TIMEOUT")), timeoutMs);
  asked.on("error", (error: NodeJS.ErrnoException) => resolve(describe(error, timeoutMs)));
  asked.on("close", () => {
    clearTimeout(timer);
    resolve("it closed the connection without an answer");
  });
  asked.end(bodyOf(plan));
  return promise;
}

function describe(error: NodeJS.ErrnoException, timeoutMs: number): string {
  if (error.code === "ECONNREFUSED") return "nothing listens there";
  return error.message === "TIMEOUT"
    ? `it accepts connections and doesn't answer within ${Math.round(timeoutMs)} ms`
    : `it gave no HTTP answer (${error.code ?? error.message})`;
}

function bodyOf({ body }: LoadPlan): Uint8Array | string | undefined {
  if (body === null) return undefined;
  if (body.kind === "bytes") return body.bytes;
  return body.parts.map((part) => (typeof part === "string" ? part : "0")).join("");
}
