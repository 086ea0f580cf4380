/**
 * Own-port claims: the supervisor's side of functions with a port to
 * themselves (own-ports.ts): proves that each is free before the workers share
 * it, and keeps other servers out for as long as it is deployed.
 */
import type { Failure } from "../base/result.ts";
import type { Deployment } from "./function-spec.ts";
import { claimPort, type PortClaim } from "./port-probe.ts";

export class OwnPortClaims {
  readonly #host: string;
  readonly #claims = new Map<number, PortClaim>();

  constructor(host: string) {
    this.#host = host;
  }

  /** Claims what is new, lets go of what is no longer asked for; what can't be had. */
  async renew({ functions }: Deployment): Promise<Failure[]> {
    const wanted = new Map(functions.flatMap(({ id, port, failure }) => (port === null || failure !== null ? [] : [[port, id] as const])));
    for (const [port, claim] of this.#claims) {
      if (wanted.has(port)) continue;
      claim.release();
      this.#claims.delete(port);
    }
    const failures: Failure[] = [];
    for (const [port, id] of wanted) {
      if (this.#claims.has(port)) continue;
      const claimed = await claimPort(this.#host, port);
      if (claimed.ok) this.#claims.set(port, claimed.value);
      else
        failures.push({
          ...claimed.failure,
          message: `${claimed.failure.message} (the port of ${id})`,
          hint: `Stop it, or give ${id} another port`,
        });
    }
    return failures;
  }

  release(): void {
    for (const claim of this.#claims.values()) claim.release();
    this.#claims.clear();
  }
}
