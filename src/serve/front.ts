/**
 * Front: what happens to a request between the listener and its function.
 * Probes, static files and CORS are answered here; a function that has a
 * worker of its own gets its requests forwarded; the rest runs in this one.
 */
import { JSON_LINE, NO_STORE_LINE } from "../http/answer-lines.ts";
import { CORS_ANSWER_LINES, preflightLines } from "../http/cors.ts";
import { answerError } from "../http/error-answer.ts";
import type { Exchange } from "../http/exchange.ts";
import type { StaticFiles } from "../http/static-files.ts";
import { notFoundPage, wantsPage } from "./error-page.ts";
import type { Forwarder } from "./forwarder.ts";
import type { FunctionRuntime } from "./function-runtime.ts";
import { hintBelow } from "./path-not-found.ts";
import { NO_PARAMS, type Router } from "./router.ts";
import type { ServerAnswers } from "./server-answers.ts";

const HEALTH_PATH = "/_health";
const READY_PATH = "/_ready";
export const STATIC_PREFIX = "/static/";
const JOBS_PREFIX = "/_jobs/";
const UNDERSCORE = "_".charCodeAt(0);
const SHOWN_PATH_MAX = 200;

/** Calls in the background. */
export interface FrontJobs {
  /** False when the client waits for the answer after all. */
  accept(exchange: Exchange, functionId: string, params: Readonly<Record<string, string>> | null): boolean;
  answer(exchange: Exchange, path: string): void;
}

export interface FrontOptions {
  readonly cors: boolean;
  readonly staticFiles: StaticFiles | null;
  readonly forwarder: Forwarder;
  readonly answers: ServerAnswers;
  /** null in a worker that others forward to: they have asked already. */
  readonly jobs: FrontJobs | null;
  readonly isReady: () => boolean;
  /** The engine runs a guest on this thread: no other may be entered until it returns. */
  readonly isInTurn: () => boolean;
  /** `dev` names the routes to whoever asks for one that is not there; null in `serve`. */
  readonly listRoutes: (() => readonly string[]) | null;
}

export class Front {
  readonly #options: FrontOptions;
  router: Router<FunctionRuntime>;

  constructor(options: FrontOptions, router: Router<FunctionRuntime>) {
    this.#options = options;
    this.router = router;
  }

  readonly handle = (exchange: Exchange): void => {
    // A pipelined request may surface while an answer is written from within a
    // turn; turns must not nest.
    if (this.#options.isInTurn()) {
      queueMicrotask(() => this.handle(exchange));
      return;
    }
    if (this.#answeredByCors(exchange)) return;
    const { staticFiles, answers } = this.#options;
    const { target } = exchange;
    const mark = target.indexOf("?");
    const path = mark === -1 ? target : target.slice(0, mark);
    if (path.charCodeAt(1) === UNDERSCORE && this.#ownPath(exchange, path)) return;
    if (staticFiles !== null && path.startsWith(STATIC_PREFIX)) {
      answers.expect(exchange, "static");
      void staticFiles.handle(exchange);
      return;
    }
    const match = this.router.match(path);
    if (match === null) this.#notFound(exchange, path.slice(0, SHOWN_PATH_MAX));
    else if (match.params === null) this.#refuse(exchange, 400, "BAD_PATH", "The path holds a percent-encoding that is no UTF-8");
    else this.#enter(exchange, match.target, match.params === NO_PARAMS ? null : match.params);
  };

  /** A request on the function's own port: every path is its. */
  readonly enterOwn = (exchange: Exchange, runtime: FunctionRuntime | null): void => {
    if (this.#options.isInTurn()) {
      queueMicrotask(() => this.enterOwn(exchange, runtime));
      return;
    }
    if (this.#answeredByCors(exchange)) return;
    // On a connection that outlived its function's removal.
    if (runtime === null) this.#refuse(exchange, 404, "NOT_FOUND", "The function of this port has been removed");
    else this.#enter(exchange, runtime, null);
  };

  /** A job's call: no listener has it, and its function is known. */
  readonly call = (exchange: Exchange, runtime: FunctionRuntime, params: Readonly<Record<string, string>> | null): void => {
    if (this.#options.isInTurn()) queueMicrotask(() => this.call(exchange, runtime, params));
    else this.#place(exchange, runtime, params);
  };

  #answeredByCors(exchange: Exchange): boolean {
    const { cors, answers } = this.#options;
    if (!cors) return false;
    const preflight = preflightLines(exchange);
    if (preflight === null) {
      exchange.extraLines = CORS_ANSWER_LINES;
      return false;
    }
    answers.expect(exchange, "cors");
    exchange.respond(204, preflight, null);
    return true;
  }

  /** `/_health`: this process answers. `/_ready`: it takes requests; 503 while it drains. `/_jobs/ID`: a result. */
  #ownPath(exchange: Exchange, path: string): boolean {
    const { jobs } = this.#options;
    if (jobs !== null && path.startsWith(JOBS_PREFIX)) {
      jobs.answer(exchange, path);
      return true;
    }
    if (path !== HEALTH_PATH && path !== READY_PATH) return false;
    const up = path === HEALTH_PATH || this.#options.isReady();
    this.#options.answers.expect(exchange, "probe");
    exchange.respond(up ? 200 : 503, JSON_LINE + NO_STORE_LINE, JSON.stringify({ status: up ? "ok" : "draining" }));
    return true;
  }

  #notFound(exchange: Exchange, path: string): void {
    const { answers, listRoutes } = this.#options;
    const message = `No function has the path ${path}`;
    const hint = listRoutes === null ? null : hintBelow(path, this.router);
    if (listRoutes === null || !wantsPage(exchange)) {
      this.#refuse(exchange, 404, "NOT_FOUND", hint === null ? message : `${message}: ${hint}`);
      return;
    }
    answers.expect(exchange, "router");
    const page = notFoundPage({ message, hint, routes: listRoutes() });
    exchange.respond(404, page.headerLines, page.body);
  }

  #refuse(exchange: Exchange, status: number, code: string, message: string, headerLines = ""): void {
    this.#options.answers.expect(exchange, "router");
    answerError(exchange, status, code, message, headerLines);
  }

  #enter(exchange: Exchange, runtime: FunctionRuntime, params: Readonly<Record<string, string>> | null): void {
    const { methods, id } = runtime.spec;
    if (methods !== null && !methods.includes(exchange.method) && !(exchange.method === "HEAD" && methods.includes("GET"))) {
      const allowed = methods.join(", ");
      this.#refuse(exchange, 405, "METHOD_NOT_ALLOWED", `${exchange.method} is not among ${allowed}`, `allow: ${allowed}\r\n`);
      return;
    }
    if (exchange.hasPreference && this.#options.jobs?.accept(exchange, id, params) === true) return;
    this.#place(exchange, runtime, params);
  }

  #place(exchange: Exchange, runtime: FunctionRuntime, params: Readonly<Record<string, string>> | null): void {
    const placement = this.#options.forwarder.placementOf(runtime.spec.id);
    if (placement === undefined) runtime.handle(exchange, params);
    else this.#options.forwarder.forward(exchange, placement);
  }
}
