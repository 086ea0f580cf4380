/**
 * The host operations a JavaScript guest may name. A sandbox adds its own
 * (log, timers, answers) beside these; nothing outside the two maps can be reached.
 */
import { capabilityAsyncOps } from "./capabilities.ts";
import { clockSyncOps } from "./clock.ts";
import { cryptoAsyncOps, cryptoSyncOps } from "./crypto.ts";
import { fetchAsyncOps, fetchSyncOps } from "./fetch.ts";
import type { AsyncOp, SyncOp } from "./op.ts";
import { textSyncOps } from "./text.ts";
import { urlSyncOps } from "./url.ts";
import { zlibAsyncOps, zlibSyncOps } from "./zlib.ts";

export const syncOps: ReadonlyMap<string, SyncOp> = new Map([
  ...urlSyncOps,
  ...textSyncOps,
  ...clockSyncOps,
  ...zlibSyncOps,
  ...cryptoSyncOps,
  ...fetchSyncOps,
]);

export const asyncOps: ReadonlyMap<string, AsyncOp> = new Map([
  ...zlibAsyncOps,
  ...cryptoAsyncOps,
  ...fetchAsyncOps,
  ...capabilityAsyncOps,
]);
