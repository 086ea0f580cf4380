/**
 * One attempt at a request: follows redirects until an answer, and adds the
 * index's credentials only as long as the way is the index's own. Waits for
 * nothing and tries nothing twice: that is for whoever calls.
 */
import type { Dispatcher } from "undici";
import { fail, ok, type Result } from "../../base/result.ts";
import { shownAddress } from "../../base/shown-address.ts";
import type { UpstreamConfig } from "../../config/mirror-config.ts";
import type { UpstreamFailure } from "../failures.ts";
import { Answer, drop, headerOf } from "./answer.ts";
import { type Dispatchers, HEAD_MAX_BYTES } from "./dispatchers.ts";
import type { IndexLine } from "./index-line.ts";
import { bodyFailure, headFailure, PARSER_FAULT, type Spot } from "./network-fault.ts";
import { unlessAborted } from "./pause.ts";
import { type Proxies, proxyFor } from "./proxies.ts";
import { hostOf } from "./reach.ts";
import { firstHop, type Hop, nextHop, showHop } from "./redirects.ts";
import { readRetryAfter } from "./retry.ts";
import type { UpstreamAnswer, UpstreamRequest } from "./upstream.ts";

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const ANSWERS: ReadonlySet<number> = new Set([200, 206, 304, 404, 410, 416]);
/** 100, 103 and their like before an answer: each starts the wait for it afresh. */
const INTERIM_ANSWERS_MAX = 20;

export interface Wire {
  readonly dispatchers: Dispatchers;
  readonly upstream: UpstreamConfig;
  readonly proxies: Proxies;
  readonly userAgent: string;
  readonly nowMs: () => number;
}

/** `onBroken` is told when the body of the answer breaks off. */
export async function follow(
  wire: Wire,
  line: IndexLine,
  request: UpstreamRequest,
  onBroken: (failure: UpstreamFailure) => UpstreamFailure,
): Promise<Result<UpstreamAnswer, UpstreamFailure>> {
  const first = firstHop(request.url, line.origin);
  if (!first.ok) return fail({ code: "UPSTREAM_REDIRECTS", url: shownAddress(request.url), reason: first.failure });
  for (let hop = first.value; ; ) {
    const url = showHop(hop);
    const proxy = proxyFor(hop.url, wire.proxies);
    if (!proxy.ok) return fail({ code: "UPSTREAM_UNREACHABLE", url, reason: proxy.failure });
    const spot: Spot = {
      url,
      host: hostOf(hop.url),
      proxyHost: proxy.value === null ? null : proxy.value.host,
      connectTimeoutMs: wire.upstream.connectTimeoutMs,
      readTimeoutMs: wire.upstream.readTimeoutMs,
      headMaxBytes: HEAD_MAX_BYTES,
    };
    let response: Dispatcher.ResponseData;
    try {
      response = await send(wire, line, request, hop, proxy.value);
    } catch (error) {
      return fail(headFailure(error, spot));
    }
    const { statusCode: status } = response;
    if (ANSWERS.has(status)) {
      return ok(
        new Answer({
          response,
          url: hop.trail.length === 1 ? hop.url.href : `${hop.url.origin}${hop.url.pathname}`,
          hasBody: request.method !== "HEAD" && status !== 304,
          failure: (error, gotBytes, wantedBytes) => onBroken(bodyFailure(error, spot, gotBytes, wantedBytes)),
          onBytes: (count) => {
            line.receivedBytes += count;
          },
        }),
      );
    }
    response.body.on("error", () => {});
    drop(response);
    if (!REDIRECTS.has(status)) {
      return fail({ code: "UPSTREAM_STATUS", url, status, retryAfterMs: readRetryAfter(headerOf(response, "retry-after"), wire.nowMs()) });
    }
    const next = nextHop(hop, headerOf(response, "location"));
    if (!next.ok) return fail({ code: "UPSTREAM_REDIRECTS", url, reason: next.failure });
    hop = next.value;
  }
}

async function send(wire: Wire, line: IndexLine, request: UpstreamRequest, hop: Hop, proxy: URL | null): Promise<Dispatcher.ResponseData> {
  const isOwn = hop.url.origin === line.origin;
  // The address of the index itself is the operator's choice; every other is somebody's word.
  if (!isOwn) await line.reach.checkLiteral(hop.url);
  const headers: Record<string, string> = { "user-agent": wire.userAgent, ...request.headers };
  if (hop.isTrusted && line.authorization !== null) headers["authorization"] = line.authorization;
  line.requestCount++;
  const controller = new AbortController();
  const signal = request.signal === undefined ? controller.signal : AbortSignal.any([request.signal, controller.signal]);
  let interimCount = 0;
  const response = wire.dispatchers.request(hop.url, {
    dispatcher: wire.dispatchers.through({ index: line.name, reach: line.reach, isOwn, proxy }),
    method: request.method,
    headers,
    signal,
    headersTimeout: wire.upstream.readTimeoutMs,
    bodyTimeout: wire.upstream.readTimeoutMs,
    onInfo: () => {
      if (++interimCount > INTERIM_ANSWERS_MAX) controller.abort(Object.assign(new Error("interim answers"), { code: PARSER_FAULT }));
    },
  });
  // undici looks at the signal only once it is connected.
  return unlessAborted(response, signal, (late) => {
    late.body.on("error", () => {});
    drop(late);
  });
}
