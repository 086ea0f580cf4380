/**
 * The line to one index: its origin, its credentials, where it may lead, and
 * how it has been answering. Each origin that it names has a circuit of its
 * own: while the pages' server is down, the files' server may well be up.
 */
import { RecentMap } from "../../base/recent-map.ts";
import type { IndexAuth, IndexConfig } from "../../config/mirror-config.ts";
import { Circuit } from "./circuit.ts";
import { Reach, type Resolve } from "./reach.ts";
import type { IndexHealth } from "./upstream.ts";

/** So many origins of one index are remembered; the index may name any number. */
const ORIGINS_MAX = 64;
/** Never fewer than one request's own attempts, or it would stop itself. */
const FAILURES_TO_OPEN_MIN = 5;

export class IndexLine {
  readonly name: string;
  readonly origin: string;
  /** Of the authorization line, null for none. */
  readonly authorization: string | null;
  readonly reach: Reach;
  requestCount = 0;
  receivedBytes = 0;
  readonly #own: Circuit;
  readonly #elsewhere = new RecentMap<string, Circuit>({ countMax: ORIGINS_MAX });
  readonly #failuresToOpen: number;

  constructor(index: IndexConfig, retriesMax: number, resolve: Resolve) {
    this.name = index.name;
    this.origin = new URL(index.url).origin;
    this.authorization = index.auth === null ? null : authorizationOf(index.auth);
    this.reach = new Reach(index.url, resolve);
    this.#failuresToOpen = Math.max(FAILURES_TO_OPEN_MIN, retriesMax + 1);
    this.#own = new Circuit(this.#failuresToOpen);
  }

  /** Of the origin that a request begins at. */
  circuitOf(origin: string): Circuit {
    if (origin === this.origin) return this.#own;
    let circuit = this.#elsewhere.get(origin);
    if (circuit === undefined) {
      circuit = new Circuit(this.#failuresToOpen);
      this.#elsewhere.set(origin, circuit);
    }
    return circuit;
  }

  /** Failures and successes are those of the index's own origin. */
  health(): IndexHealth {
    return {
      index: this.name,
      failuresInARow: this.#own.failuresInARow,
      lastFailure: this.#own.lastFailure,
      lastSuccessAtMs: this.#own.lastSuccessAtMs,
      requestCount: this.requestCount,
      receivedBytes: this.receivedBytes,
    };
  }
}

function authorizationOf(auth: IndexAuth): string {
  if (auth.kind === "bearer") return `Bearer ${auth.token}`;
  return `Basic ${Buffer.from(`${auth.username}:${auth.password}`, "utf8").toString("base64")}`;
}
