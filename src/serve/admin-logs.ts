/**
 * Log stream of the admin API: the ring's lines as NDJSON, then, for a
 * follower, each new one. A slow reader loses lines and is told how many; it
 * must never make the supervisor keep more than a bounded backlog.
 */
import type { ServerResponse } from "node:http";
import type { Failure } from "../base/result.ts";
import { formatRecord } from "../telemetry/log-record.ts";
import type { LogRing } from "../telemetry/log-ring.ts";

const BACKLOG_MAX_BYTES = 1024 * 1024;
/** A quarter of the connections that the admin API takes: the rest stay for everything else. */
const FOLLOWER_MAX_COUNT = 64;

/** Answers, or says why not. */
export function streamLogs(ring: LogRing, response: ServerResponse, functionId: string | null, follows: boolean): Failure | null {
  if (follows && ring.followerCount >= FOLLOWER_MAX_COUNT) return tooManyFollowers();
  response.writeHead(200, { "content-type": "application/x-ndjson; charset=utf-8", "cache-control": "no-store" });
  for (const line of ring.lines(functionId)) response.write(`${line}\n`);
  if (!follows) {
    response.end();
    return null;
  }
  // Headers now: a follower of a quiet function must see that it is connected.
  response.flushHeaders();
  let skipped = 0;
  const leave = ring.follow(functionId, (line) => {
    if (response.writableLength > BACKLOG_MAX_BYTES) {
      skipped++;
      return;
    }
    if (skipped > 0) {
      response.write(formatRecord({ time: Date.now(), level: "warn", message: `${skipped} records skipped: the reader is too slow` }));
      skipped = 0;
    }
    response.write(`${line}\n`);
  });
  response.on("close", leave);
  return null;
}

function tooManyFollowers(): Failure {
  return {
    code: "LOG_FOLLOWERS_FULL",
    message: `Cannot follow the log: ${FOLLOWER_MAX_COUNT} readers follow it already`,
    hint: "End some of them, or read it without following",
  };
}
