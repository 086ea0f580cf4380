/**
 * Front of the mirror: from a request to its answer. Pages that are prepared
 * are answered in this very turn of the event loop; everything else waits for
 * pages, the store or upstream, and a failure of theirs becomes an answer here.
 */
import { RecentMap } from "../base/recent-map.ts";
import { JSON_LINE, RETRY_LATER_LINE } from "../http/answer-lines.ts";
import { matchesNoneMatch } from "../http/entity-tag.ts";
import type { Exchange } from "../http/exchange.ts";
import type { ClientAuth, ClientDecision } from "./client-auth.ts";
import type { MirrorCounters, ResourceKind } from "./counters.ts";
import { explainFailure, isUpstreamFailure, type MirrorFailure } from "./failures.ts";
import type { FileAnswers } from "./files/file-answers.ts";
import type { MirrorLog } from "./log.ts";
import { formOf } from "./negotiation.ts";
import type { Observer } from "./observer.ts";
import type { CacheOutcome, FoundArtifact, PageName, Pages, Representation } from "./pages/pages.ts";
import { answerProblem } from "./problem-answer.ts";
import { type Route, routeOf } from "./routes.ts";

const ROUTES_REMEMBERED_MAX = 4_096;
const REMEMBERED_PATH_MAX_LENGTH = 512;
const CHALLENGE_LINE = 'www-authenticate: Basic realm="pilotlight", charset="UTF-8"\r\n';
/** Health for whoever has no credentials. */
const ALIVE = '{"status":"success","data":null}\n';
const READ_METHODS = "GET, HEAD";

/** The pages about the mirror itself, and what changes it. */
export interface MirrorFace {
  home(exchange: Exchange): void;
  health(exchange: Exchange): void;
  metrics(exchange: Exchange): void;
  savings(exchange: Exchange): void;
  explain(exchange: Exchange, project: string): Promise<MirrorFailure | null>;
  explainMany(exchange: Exchange): Promise<MirrorFailure | null>;
  /** Forced: also what could not be had again. */
  drop(exchange: Exchange, what: Dropped, isForced: boolean): Promise<MirrorFailure | null>;
}

type FileRoute = Extract<Route, { kind: "file" }>;
export type Dropped = Extract<Route, { kind: "drop" }>["what"];

type FaceRoute = Extract<Route, { kind: keyof MirrorFace | "explain-many" }>;

export interface MirrorFrontOptions {
  readonly pages: Pages;
  readonly files: FileAnswers;
  readonly face: () => Promise<MirrorFace>;
  readonly auth: ClientAuth | null;
  readonly counters: MirrorCounters;
  readonly observer: Observer;
  readonly log: MirrorLog;
}

export class MirrorFront {
  readonly #options: MirrorFrontOptions;
  readonly #routes = new RecentMap<string, Route>({ countMax: ROUTES_REMEMBERED_MAX });
  /** Header lines of hits: made once for each representation, not for each answer. */
  readonly #hitLines = new WeakMap<Representation, string>();

  constructor(options: MirrorFrontOptions) {
    this.#options = options;
  }

  readonly handle = (exchange: Exchange): void => {
    const { target } = exchange;
    const mark = target.indexOf("?");
    const path = mark === -1 ? target : target.slice(0, mark);
    const query = mark === -1 ? "" : target.slice(mark + 1);
    const route = this.#routeOf(path);
    const { auth, observer } = this.#options;
    observer.expect(exchange, route);
    if (auth === null) {
      this.#enter(exchange, route, query);
      return;
    }
    const authorization = exchange.header("authorization");
    // Those who start and watch the mirror ask without credentials; they learn that it is up, and no more.
    if (route.kind === "health" && authorization === undefined) {
      exchange.respond(200, JSON_LINE, ALIVE);
      return;
    }
    const verdict = auth.check(authorization);
    if (typeof verdict === "string") this.#admit(exchange, route, query, verdict);
    else this.#settle(exchange, this.#admitLater(exchange, route, query, verdict));
  };

  #routeOf(path: string): Route {
    const known = this.#routes.peek(path);
    if (known !== undefined) return known;
    const route = routeOf(path);
    // Strangers' inventions are not worth the room.
    if (path.length > REMEMBERED_PATH_MAX_LENGTH || route.kind === "not-found" || route.kind === "bad-path") return route;
    this.#routes.set(path, route);
    return route;
  }

  async #admitLater(exchange: Exchange, route: Route, query: string, verdict: Promise<ClientDecision>): Promise<null> {
    this.#admit(exchange, route, query, await verdict);
    return null;
  }

  #admit(exchange: Exchange, route: Route, query: string, verdict: ClientDecision): void {
    if (verdict === "allowed") this.#enter(exchange, route, query);
    else if (verdict === "denied")
      answerProblem(exchange, 401, "UNAUTHORIZED", "This mirror asks for a token or a password", CHALLENGE_LINE);
    else answerProblem(exchange, 503, "TOO_MANY_LOGINS", "Too many passwords are being checked: try again shortly", RETRY_LATER_LINE);
  }

  #enter(exchange: Exchange, route: Route, query: string): void {
    const allowed = methodsOf(route);
    if (!allowed.split(", ").includes(exchange.method)) {
      if (exchange.method === "OPTIONS") exchange.respond(204, `allow: ${allowed}, OPTIONS\r\n`, null);
      else
        answerProblem(exchange, 405, "METHOD_NOT_ALLOWED", `${exchange.method} is not among ${allowed}`, `allow: ${allowed}, OPTIONS\r\n`);
      return;
    }
    switch (route.kind) {
      case "page":
        this.#page(exchange, route.project, "page", query);
        return;
      case "list":
        this.#page(exchange, "", "list", query);
        return;
      case "file":
        this.#file(exchange, route);
        return;
      case "redirect":
        exchange.respond(301, `location: ${route.location}${query === "" ? "" : `?${query}`}\r\n`, null);
        return;
      case "home":
      case "health":
      case "metrics":
      case "savings":
      case "explain":
      case "explain-many":
      case "drop":
        this.#settle(exchange, this.#askFace(exchange, route, query));
        return;
      case "bad-path":
        answerProblem(exchange, 400, "BAD_PATH", "The path holds a percent-encoding that is no UTF-8");
        return;
      case "not-found":
        answerProblem(exchange, 404, "NOT_FOUND", "Nothing is served under this path: packages are below /simple/");
        return;
    }
  }

  #page(exchange: Exchange, page: PageName, kind: "page" | "list", query: string): void {
    const form = formOf(exchange, query);
    if (form === null) {
      const message = "None of the accepted types can be made: application/vnd.pypi.simple.v1+json, …v1+html and text/html can";
      answerProblem(exchange, 406, "NOT_ACCEPTABLE", message, "vary: Accept, Accept-Encoding\r\n");
      return;
    }
    const { pages } = this.#options;
    const prepared = pages.prepared(page, form.format, form.coding);
    if (prepared !== null) {
      this.#answerPage(exchange, page, kind, prepared, "hit");
      return;
    }
    const answered = pages.represent(page, form.format, form.coding).then((represented) => {
      if (!represented.ok) return represented.failure;
      this.#answerPage(exchange, page, kind, represented.value.representation, represented.value.outcome);
      return null;
    });
    this.#settle(exchange, answered);
  }

  #answerPage(exchange: Exchange, page: PageName, kind: ResourceKind, representation: Representation, outcome: CacheOutcome): void {
    const noneMatch = exchange.header("if-none-match");
    const isKnown = noneMatch !== undefined && matchesNoneMatch(noneMatch, representation.etag);
    const sentBytes = isKnown || exchange.method === "HEAD" ? 0 : representation.bytes.length;
    this.#options.counters.served(kind, outcome, page, sentBytes);
    if (isKnown) exchange.respond(304, representation.validatorLines, null);
    else exchange.respond(200, this.#pageLines(representation, outcome), representation.bytes);
  }

  #pageLines(representation: Representation, outcome: CacheOutcome): string {
    if (outcome !== "hit") return `${representation.headerLines}x-cache: ${outcome}\r\n`;
    let lines = this.#hitLines.get(representation);
    if (lines === undefined) {
      lines = `${representation.headerLines}x-cache: hit\r\n`;
      this.#hitLines.set(representation, lines);
    }
    return lines;
  }

  #file(exchange: Exchange, route: FileRoute): void {
    const { pages, files } = this.#options;
    const found = pages.found(route.project, route.base, route.artifact);
    if (found !== null && found.hiddenBy === null && files.answerFromMemory(exchange, found.artifact)) {
      this.#countShadowed(found);
      return;
    }
    this.#settle(exchange, found === null ? this.#findFile(exchange, route, false) : this.#giveFound(exchange, route, found));
  }

  /** What was found before may be another file by now, where somebody else keeps it. */
  async #giveFound(exchange: Exchange, route: FileRoute, found: FoundArtifact): Promise<MirrorFailure | null> {
    const failure = await this.#giveFile(exchange, found);
    return failure?.code === "FILE_CHANGED" ? this.#findFile(exchange, route, true) : failure;
  }

  async #findFile(exchange: Exchange, { project, base, artifact }: FileRoute, isAnew: boolean): Promise<MirrorFailure | null> {
    const found = await this.#options.pages.find(project, base, artifact, isAnew);
    return found.ok ? this.#giveFile(exchange, found.value) : found.failure;
  }

  async #giveFile(exchange: Exchange, found: FoundArtifact): Promise<MirrorFailure | null> {
    const { artifact, hiddenBy } = found;
    const { counters, files } = this.#options;
    if (hiddenBy !== null) {
      const { rule, reason } = hiddenBy;
      return { code: "HIDDEN_BY_POLICY", project: artifact.project, filename: artifact.filename, rule, reason };
    }
    this.#countShadowed(found);
    const failure = await files.answer(exchange, artifact);
    if (failure !== null && isUpstreamFailure(failure)) counters.byKind[artifact.kind].failed++;
    return failure;
  }

  #countShadowed({ wouldHide }: FoundArtifact): void {
    const { counters } = this.#options;
    if (wouldHide !== null) counters.ruled(counters.shadowed, wouldHide.rule);
  }

  async #askFace(exchange: Exchange, route: FaceRoute, query: string): Promise<MirrorFailure | null> {
    const face = await this.#options.face();
    switch (route.kind) {
      case "explain":
        return face.explain(exchange, route.project);
      case "explain-many":
        return face.explainMany(exchange);
      case "drop":
        return face.drop(exchange, route.what, isForced(query));
      default:
        face[route.kind](exchange);
        return null;
    }
  }

  /** What comes of an answer that takes time; a bug of ours costs its client the answer, not the others the mirror. */
  #settle(exchange: Exchange, answered: Promise<MirrorFailure | null>): void {
    answered.then(
      (failure) => {
        if (failure !== null) this.#fail(exchange, failure);
      },
      (error: unknown) => {
        const stack = error instanceof Error ? error.stack : String(error);
        this.#options.log("error", `Cannot answer ${exchange.method} ${exchange.target}: ${String(error)}`, { stack });
        if (exchange.answered) exchange.destroy();
        else answerProblem(exchange, 500, "INTERNAL", "The mirror failed to answer: its log says why");
      },
    );
  }

  #fail(exchange: Exchange, failure: MirrorFailure): void {
    const { status, message, hint } = explainFailure(failure);
    const { counters } = this.#options;
    if (failure.code === "HIDDEN_BY_POLICY") counters.ruled(counters.hidden, failure.rule);
    if (status >= 500) this.#logFailure(exchange, failure, message);
    answerProblem(exchange, status, failure.code, `${message}. ${hint}`, status === 503 ? RETRY_LATER_LINE : "");
  }

  #logFailure(exchange: Exchange, failure: MirrorFailure, message: string): void {
    // The store's own message names files: for the log alone.
    const text = "message" in failure ? failure.message : message;
    const which = isUpstreamFailure(failure) ? { failure } : { code: failure.code };
    this.#options.log("warn", text, { ...which, path: exchange.target });
  }
}

/** `?force`, and `?force=1` or `true`; "0", "false", "no" and "off" say no. */
function isForced(query: string): boolean {
  const value = new URLSearchParams(query).get("force");
  return value !== null && !["0", "false", "no", "off"].includes(value.toLowerCase());
}

function methodsOf({ kind }: Route): string {
  if (kind === "drop") return "DELETE";
  return kind === "explain-many" ? "POST" : READ_METHODS;
}
