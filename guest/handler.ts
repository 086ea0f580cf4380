/**
 * Handler forms: what a function's module may export, turned into one callable.
 *   export default { fetch(request, env, ctx) }       Workers style; a Hono app is one
 *   export default function (request, env, ctx)
 *   export function GET(request, env, ctx), POST …     one per method
 *   function handler(request)                          zigttp's global; the bundler exports it
 * The zigttp form gets zigttp's plain request object, the others a Request.
 */
import { toBytes } from "./body.ts";
import { utf8Decode } from "./encoding.ts";
import { Headers, RAW } from "./headers.ts";
import { type RawRequest, type Request, rawOf } from "./request.ts";
import { Response, TEXT_LINES, typed } from "./response.ts";
import { URLSearchParams } from "./url-search-params.ts";

export interface CallContext {
  readonly params: Readonly<Record<string, string>>;
  waitUntil(promise: unknown): void;
  passThroughOnException(): void;
}

export type Handler = (request: Request, env: object, context: CallContext) => unknown;

const HANDLER_FORMS = "export default { fetch }, export default function, export function GET/POST…, or function handler(request)";

/** Exports that are handlers, if they are functions; the same names as the host's (src/base/http-methods.ts). */
export const METHOD_NAMES: ReadonlySet<string> = new Set(
  "GET HEAD POST PUT PATCH DELETE OPTIONS QUERY PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK".split(" "),
);

/** Finds the module's handler. Throws TypeError that names the accepted forms. */
export function findHandler(module: Record<string, unknown>): { handler: Handler; methods: string[] | null } {
  const main = module["default"];
  if (typeof main === "function") return { handler: main as Handler, methods: null };
  if (typeof main === "object" && main !== null && typeof (main as { fetch?: unknown }).fetch === "function") {
    const app = main as { fetch: Handler };
    return { handler: (request, env, context) => app.fetch(request, env, context), methods: null };
  }
  const global = module["handler"];
  if (typeof global === "function") return { handler: zigttpHandler(global as ZigttpHandler), methods: null };
  const methods = Object.keys(module).filter((name) => METHOD_NAMES.has(name) && typeof module[name] === "function");
  if (methods.length > 0) return methodTable(module as Record<string, Handler>, methods);
  throw new TypeError(`The module exports no handler; accepted are ${HANDLER_FORMS}`);
}

function methodTable(module: Record<string, Handler>, exported: string[]): { handler: Handler; methods: string[] } {
  const table = new Map(exported.map((name) => [name, module[name] as Handler]));
  const get = table.get("GET");
  if (get !== undefined && !table.has("HEAD")) table.set("HEAD", get);
  const methods = [...new Set([...table.keys(), "OPTIONS"])].sort();
  const allow = { allow: methods.join(", ") };
  const handler: Handler = (request, env, context) => {
    const chosen = table.get(request.method);
    if (chosen !== undefined) return chosen(request, env, context);
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: allow });
    return Response.json(
      { error: { code: "METHOD_NOT_ALLOWED", message: `${request.method} is not among ${allow.allow}` } },
      { status: 405, headers: allow },
    );
  };
  return { handler, methods };
}

interface ZigttpRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  readonly path: string;
  /** Values that look like a 32-bit whole number are numbers. */
  readonly query: Record<string, string | number>;
  readonly headers: Record<string, string>;
  readonly params: Readonly<Record<string, string>>;
  readonly body: string | null;
}

type ZigttpHandler = (request: ZigttpRequest, env: object, context: CallContext) => unknown;

function zigttpHandler(handler: ZigttpHandler): Handler {
  const answer = (request: Request, env: object, context: CallContext, body: string | null): unknown => {
    const result = handler(zigttpRequest(request, context, rawOf(request), body), env, context);
    return typeof (result as PromiseLike<unknown> | undefined)?.then === "function"
      ? Promise.resolve(result).then(zigttpAnswer)
      : zigttpAnswer(result);
  };
  return (request, env, context) => {
    const held = request.take();
    if (held === null || typeof held === "string") return answer(request, env, context, held);
    return toBytes(held).then((bytes) => answer(request, env, context, utf8Decode(bytes)));
  };
}

function zigttpRequest(request: Request, context: CallContext, raw: RawRequest, body: string | null): ZigttpRequest {
  const mark = raw.target.indexOf("?");
  return {
    method: request.method,
    url: raw.target,
    path: mark === -1 ? raw.target : raw.target.slice(0, mark),
    get query() {
      return replace(this, "query", mark === -1 ? {} : parseQuery(raw.target.slice(mark + 1)));
    },
    get headers() {
      return replace(this, "headers", Object.fromEntries(new Headers({ [RAW]: raw.block })));
    },
    params: context.params,
    body,
  };
}

/** A getter that is replaced by its value on first use. */
function replace<Value>(target: object, name: string, value: Value): Value {
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
  return value;
}

const INTEGER = /^-?(0|[1-9]\d{0,9})$/;

function parseQuery(text: string): Record<string, string | number> {
  const query: Record<string, string | number> = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const number = INTEGER.test(value) ? Number(value) : Number.NaN;
    query[name] = number === (number | 0) ? number : value;
  }
  return query;
}

/** zigttp's rules: a string is a body, another non-object an empty answer, an object anything like a Response. */
function zigttpAnswer(result: unknown): unknown {
  if (result instanceof Response) return result;
  if (typeof result === "string") return typed(result, undefined, TEXT_LINES);
  if (typeof result !== "object" || result === null) return new Response("");
  const like = result as { body?: unknown; status?: number; statusText?: string; headers?: Record<string, string> };
  const init = { status: like.status ?? 200, ...(like.headers === undefined ? {} : { headers: like.headers }) };
  return like.body === undefined || like.body === null ? new Response(null, init) : typed(String(like.body), init, TEXT_LINES);
}
