/**
 * Job request: a request that waits on disk, and the same request when its
 * function is called at last. Lines that belong to a connection, that asked for
 * the delay or that are ours to say are left out; the rest arrives as it was sent.
 */
import type { Exchange } from "../../http/exchange.ts";
import { headerPairs, hopByHopNames, valuesOf } from "../../http/hop-by-hop.ts";
import type { LeasedJob } from "../../store/job.ts";
import type { FunctionSpec } from "../function-spec.ts";
import { topicOf } from "./job-queues.ts";
import { JOB_HEADER } from "./worker-jobs.ts";

export interface JobRequest {
  readonly method: string;
  readonly target: string;
  readonly headerBlock: string;
  readonly host: string;
  readonly secure: boolean;
  readonly remoteAddress: string;
  readonly params: Readonly<Record<string, string>> | null;
}

const TOPIC_HOST = "localhost";
const OURS = [JOB_HEADER, "x-pilotlight-attempt", "x-pilotlight-topic", "x-pilotlight-from", "x-gojinn-async"];
const JSON_BEGINS = /^[\s]*[[{"\d\-tfn]/;

/** What is kept beside the body. */
export function requestMeta(exchange: Exchange, params: JobRequest["params"]): string {
  const { method, target, host, secure, remoteAddress } = exchange;
  const sent = headerPairs(exchange.headerBlock);
  const dropped = new Set([...hopByHopNames(valuesOf(sent, "connection")), ...OURS, "prefer", "expect", "content-length"]);
  const kept = sent.filter(([name]) => !dropped.has(name.toLowerCase()));
  return JSON.stringify({ method, target, headerBlock: lines(kept), host, secure, remoteAddress, params } satisfies JobRequest);
}

/** Throws when the row was damaged. */
export function requestOf(job: LeasedJob, spec: Pick<FunctionSpec, "route">): JobRequest {
  const topic = topicOf(job.queue);
  const { from, ...kept } = JSON.parse(job.meta ?? "{}") as JobRequest & { readonly from?: string };
  const request = topic === null ? kept : message(job, topic, from ?? "", spec);
  const own = lines([
    ["content-length", String(job.payload.length)],
    [JOB_HEADER, job.id],
    ["x-pilotlight-attempt", String(job.attemptCount)],
  ]);
  return { ...request, headerBlock: request.headerBlock + own };
}

function message({ payload }: LeasedJob, topic: string, from: string, { route }: Pick<FunctionSpec, "route">): JobRequest {
  const start = Buffer.from(payload.buffer, payload.byteOffset, Math.min(payload.length, 64)).toString("latin1");
  const headerBlock = lines([
    ["host", TOPIC_HOST],
    ["content-type", JSON_BEGINS.test(start) ? "application/json" : "application/octet-stream"],
    ["x-pilotlight-topic", topic],
    ["x-pilotlight-from", encodeURI(from)],
  ]);
  // Nobody can say what its parameters are: the part before them has to do.
  const target = route.replace(/[:*].*$/, "");
  return { method: "POST", target, headerBlock, host: TOPIC_HOST, secure: false, remoteAddress: "127.0.0.1", params: null };
}

function lines(pairs: readonly (readonly [name: string, value: string])[]): string {
  return pairs.map(([name, value]) => `${name}: ${value}\r\n`).join("");
}
