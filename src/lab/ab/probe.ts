/**
 * A checked answer: a server is up when it gives the right one, not when its
 * port opens. Asks on a connection of its own, again and again, until the
 * answer passes every check of the plan or the time is over.
 */
import { request } from "node:http";
import type { Checks, LoadPlan } from "../load/plan.ts";

/** Boot time is as fine as this: a busy loop would take the core from a server that shares it. */
const POLL_INTERVAL_MS = 1;
const ASK_TIMEOUT_MS = 5_000;
/** The last question gets a fair time too: what it hears is the reason that is shown. */
const ASK_MIN_MS = 200;
const BODY_MAX_BYTES = 16 * 1024 * 1024;

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
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
  let last = "nothing listens there";
  for (;;) {
    const answer = await ask(plan, Math.min(ASK_TIMEOUT_MS, Math.max(ASK_MIN_MS, deadlineMs - performance.now())));
    const atMs = performance.now();
    const wrong = typeof answer === "string" ? answer : wrongWith(plan.checks, answer);
    if (wrong === null) return { isUp: true, atMs };
    last = wrong;
    const ended = hasEnded();
    if (ended !== null) return { isUp: false, because: ended };
    if (signal?.aborted) return { isUp: false, because: "was interrupted" };
    if (atMs > deadlineMs) return { isUp: false, because: `gave no right answer within ${Math.round(timeoutMs)} ms: ${last}` };
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

/** What is wrong with an answer, as a phrase; null when nothing is. */
export function wrongWith(checks: Checks, { status, headers, body }: Answer): string | null {
  const isStatusRight = checks.statuses.length === 0 ? status >= 200 && status < 400 : checks.statuses.includes(status);
  if (!isStatusRight) return `it answered ${status} where ${checks.statuses.join(" or ") || "200 to 399"} is right`;
  for (const { name, value } of checks.headers) {
    const found = [headers[name.toLowerCase()] ?? []].flat();
    if (!found.some((one) => one.includes(value)))
      return `its header ${name} is ${JSON.stringify(found.join(", "))}, without ${JSON.stringify(value)}`;
  }
  const missing =
    checks.bodyIncludes.find((text) => !body.includes(text)) ?? checks.bodyMatches.find((source) => !new RegExp(source).test(body));
  return missing === undefined ? null : `its body ${JSON.stringify(body.slice(0, 80))} lacks ${JSON.stringify(missing)}`;
}

/** One request; the phrase says what came instead of an answer. */
export function ask(plan: LoadPlan, timeoutMs: number): Promise<Answer | string> {
  const { target, method, headers } = plan;
  const { promise, resolve } = Promise.withResolvers<Answer | string>();
  const asked = request({ host: target.host, port: target.port, path: target.path, method, agent: false }, (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      if (body.length < BODY_MAX_BYTES) body += chunk;
    });
    response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    response.on("error", () => resolve("its answer broke off"));
    response.on("close", () => resolve("its answer broke off"));
  });
  for (const [name, values] of Map.groupBy(headers, ([name]) => name.toLowerCase()))
    asked.setHeader(
      name,
      values.map(([, value]) => value),
    );
  const timer = setTimeout(() => asked.destroy(new Error("TIMEOUT")), timeoutMs);
  asked.on("error", (error: NodeJS.ErrnoException) => resolve(describe(error)));
  asked.on("close", () => {
    clearTimeout(timer);
    resolve("it closed the connection without an answer");
  });
  asked.end(bodyOf(plan));
  return promise;
}

function describe(error: NodeJS.ErrnoException): string {
  if (error.code === "ECONNREFUSED") return "nothing listens there";
  return error.message === "TIMEOUT"
    ? "it accepts connections and doesn't answer"
    : `it gave no HTTP answer (${error.code ?? error.message})`;
}

function bodyOf({ body }: LoadPlan): Uint8Array | string | undefined {
  if (body === null) return undefined;
  if (body.kind === "bytes") return body.bytes;
  return body.parts.map((part) => (typeof part === "string" ? part : "0")).join("");
}
