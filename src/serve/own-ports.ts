/**
 * Own ports: functions that have a port to themselves (`port:`, an Aetherless
 * trigger_port), where every path is theirs. A worker's side of it: a listener
 * for each, opened and drained as deployments come and go. All workers share
 * such a port as they share the server's; the supervisor has proved that it is
 * free (own-port-claims.ts).
 */
import type { Exchange } from "../http/exchange.ts";
import type { Listener, ListenerCounters } from "../http/listener.ts";
import type { LogLevel } from "../telemetry/log-record.ts";
import type { FunctionSpec } from "./function-spec.ts";

export interface OwnPortsHost {
  readonly host: string;
  createListener(onExchange: (exchange: Exchange) => void): Listener;
  /** A request of that function, whatever its path. */
  onExchange(functionId: string, exchange: Exchange): void;
  log(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void;
}

/** Of several listeners, as if they were one. */
export function sumOfCounters(all: readonly ListenerCounters[]): ListenerCounters {
  const refusedByStatus: Record<string, number> = {};
  for (const counters of all) {
    for (const [status, count] of Object.entries(counters.refusedByStatus))
      refusedByStatus[status] = (refusedByStatus[status] ?? 0) + count;
  }
  const sumOf = (field: "connectionsOpen" | "connectionsTotal"): number => all.reduce((sum, counters) => sum + counters[field], 0);
  return { connectionsOpen: sumOf("connectionsOpen"), connectionsTotal: sumOf("connectionsTotal"), refusedByStatus };
}

interface OpenPort {
  readonly port: number;
  readonly listener: Listener;
}

/** Connections of a port that went with its function get this long. */
const REMOVED_GRACE_MS = 5_000;

export class OwnPorts {
  readonly #host: OwnPortsHost;
  readonly #open = new Map<string, OpenPort>();
  #opening: Promise<void> = Promise.resolve();

  constructor(host: OwnPortsHost) {
    this.#host = host;
  }

  /** Resolves when each has been tried; one that can't be opened is a line in the log. */
  deploy(functions: readonly FunctionSpec[]): Promise<void> {
    this.#opening = this.#opening.then(() => this.#deploy(functions));
    return this.#opening;
  }

  get counters(): readonly ListenerCounters[] {
    return [...this.#open.values()].map(({ listener }) => listener.counters);
  }

  async drain(graceMs: number): Promise<void> {
    await this.#opening;
    await Promise.all([...this.#open.values()].map(({ listener }) => listener.drain(graceMs)));
    this.#open.clear();
  }

  async #deploy(functions: readonly FunctionSpec[]): Promise<void> {
    const wanted = new Map(functions.flatMap(({ id, port, failure }) => (port === null || failure !== null ? [] : [[id, port] as const])));
    for (const [id, { port, listener }] of this.#open) {
      if (wanted.get(id) === port) continue;
      this.#open.delete(id);
      void listener.drain(REMOVED_GRACE_MS);
    }
    for (const [id, port] of wanted) if (!this.#open.has(id)) await this.#listen(id, port);
  }

  async #listen(functionId: string, port: number): Promise<void> {
    const { host } = this.#host;
    const listener = this.#host.createListener((exchange) => this.#host.onExchange(functionId, exchange));
    try {
      await listener.listenTcp({ host, port, reusePort: true });
      this.#open.set(functionId, { port, listener });
    } catch (error) {
      this.#host.log("error", `Cannot listen on port ${port} for ${functionId}: ${(error as Error).message}`, {
        function: functionId,
        port,
      });
    }
  }
}
