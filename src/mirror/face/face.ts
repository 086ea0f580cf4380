/**
 * Face: what the mirror says of itself, and the few requests that change what
 * it keeps. Everything here is for people and their dashboards: none of it is
 * on an installer's way.
 */
import { JSON_LINE, NO_STORE_LINE } from "../../http/answer-lines.ts";
import type { Exchange } from "../../http/exchange.ts";
import { PROMETHEUS_CONTENT_TYPE } from "../../telemetry/prometheus.ts";
import type { MirrorFailure } from "../failures.ts";
import type { FileAnswers } from "../files/file-answers.ts";
import type { Dropped, MirrorFace } from "../front.ts";
import type { MirrorParts } from "../mirror-parts.ts";
import { healthOf } from "./health.ts";
import { homePage } from "./home-page.ts";
import { renderMetrics } from "./metrics.ts";
import { PostedExplanations } from "./posted-explanations.ts";

const HTML_LINES = `content-type: text/html; charset=utf-8\r\n${NO_STORE_LINE}`;
/** As proxpi and groxpi answer: scripts that drop caches look at it. */
const DONE = '{"status":"success","data":null}\n';
const SAVINGS_SHOWN_MAX = 1_000;

export interface FaceClock {
  readonly startedAtMs: number;
  readonly nowMs: () => number;
}

export function createFace(parts: MirrorParts, files: FileAnswers, { startedAtMs, nowMs }: FaceClock): MirrorFace {
  const posted = new PostedExplanations((project) => parts.pages.explain(project));
  return {
    home(exchange) {
      exchange.respond(200, HTML_LINES, homePage(parts, { startedAtMs, nowMs: nowMs() }));
    },
    health(exchange) {
      respondJson(exchange, healthOf(parts, { startedAtMs, nowMs: nowMs() }));
    },
    metrics(exchange) {
      exchange.respond(200, `content-type: ${PROMETHEUS_CONTENT_TYPE}\r\n${NO_STORE_LINE}`, renderMetrics(parts));
    },
    savings(exchange) {
      const projects = [...parts.counters.savings].sort(([, one], [, other]) => other.bytes - one.bytes).slice(0, SAVINGS_SHOWN_MAX);
      respondJson(exchange, { projects: projects.map(([project, saved]) => ({ project, ...saved })) });
    },
    async explain(exchange, project) {
      const explained = await parts.pages.explain(project);
      const { explainDenied, explainProject } = await import("../explain/explain-project.ts");
      if (!explained.ok) {
        if (explained.failure.code !== "HIDDEN_BY_POLICY") return explained.failure;
        respondJson(exchange, explainDenied(project, explained.failure));
        return null;
      }
      respondJson(exchange, explainProject(explained.value));
      return null;
    },
    async explainMany(exchange) {
      await posted.answer(exchange);
      return null;
    },
    async drop(exchange, what, isForced) {
      if (what !== "list") files.forgetMissing(what.project);
      const failure = await drop(parts, files, what, isForced);
      if (failure === null) exchange.respond(200, JSON_LINE, DONE);
      return failure;
    },
  };
}

async function drop(parts: MirrorParts, files: FileAnswers, what: Dropped, isForced: boolean): Promise<MirrorFailure | null> {
  if (what !== "list" && what.filename !== null) {
    const { dropFile } = await import("./drop-file.ts");
    return dropFile(parts, files, { project: what.project, filename: what.filename }, isForced);
  }
  await parts.pages.forget(what === "list" ? "" : what.project);
  return null;
}

function respondJson(exchange: Exchange, value: object): void {
  exchange.respond(200, JSON_LINE + NO_STORE_LINE, `${JSON.stringify(value)}\n`);
}
