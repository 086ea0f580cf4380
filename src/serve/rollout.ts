/**
 * Rollout: what the workers are told to serve. Says it to each new worker, and
 * to all of them when the deployment or a placement changes. Exists once there
 * is a deployment; makes none and places nothing itself.
 */
import { existsSync } from "node:fs";
import type { Config } from "../config/config.ts";
import type { SocketPaths } from "./data-files.ts";
import type { DedicatedWorkers } from "./dedicated-workers.ts";
import type { Deployment } from "./function-spec.ts";
import { BOOT_MAX_MS, SILENCE_MAX_MS } from "./heartbeat.ts";
import type { Inquiries } from "./inquiries.ts";
import type { LiveDeployment } from "./live-deployment.ts";
import type { Placement, ToWorker } from "./messages.ts";
import type { PlacementTable } from "./placement.ts";
import type { Profilers } from "./profilers.ts";
import type { PublicPort } from "./public-port.ts";
import type { WorkerProcess } from "./worker-process.ts";
import type { WorkerSlot } from "./worker-slot.ts";

/** Beyond what a worker gets that boots, or is stuck: by then it has answered or was ended. */
const DEPLOYED_MAX_MS = BOOT_MAX_MS + 2 * SILENCE_MAX_MS;

export interface RolloutParts {
  readonly config: Config;
  readonly snapshotFile: string;
  /** Makes what the snapshot is made from. */
  readonly prepareGuest: () => Promise<unknown>;
  readonly inquiries: Inquiries;
  readonly live: LiveDeployment;
  readonly placement: PlacementTable;
  readonly port: PublicPort;
  readonly sockets: SocketPaths;
  readonly shared: readonly WorkerSlot[];
  readonly dedicated: DedicatedWorkers;
  readonly profilers: Profilers;
}

export class Rollout {
  readonly #parts: RolloutParts;
  #hasBegun = false;

  constructor(parts: RolloutParts) {
    this.#parts = parts;
  }

  /** null when it follows: the data folder has lost the guest, which a worker may not bundle. */
  startMessage(slot: WorkerSlot, worker: WorkerProcess): ToWorker | null {
    // The first worker makes the snapshot, from a guest that was prepared just before.
    const isLost = this.#hasBegun && !existsSync(this.#parts.snapshotFile);
    this.#hasBegun = true;
    if (!isLost) return this.#startMessage(slot, worker);
    this.#parts.prepareGuest().then(
      () => worker.send(this.#startMessage(slot, worker)),
      (error: Error) => worker.condemn(`what its sandboxes begin with can't be made again: ${error.message}`),
    );
    return null;
  }

  #startMessage(slot: WorkerSlot, worker: WorkerProcess): ToWorker {
    const { config, live, placement, port, sockets, snapshotFile } = this.#parts;
    const id = slot.functionId;
    if (id !== null && !slot.inspected) sockets.clear(id);
    return {
      type: "start",
      // The operator's token is no business of a process that runs hostile code.
      config: { ...config, admin: null },
      deployment: id === null ? live.current : live.only(id),
      listen: slot.socketPath === null ? port.listen : { kind: "unix", path: slot.socketPath },
      snapshotFile,
      flightFile: worker.flightFile,
      // A dedicated worker runs its function itself.
      placements: id === null ? placement.placements() : [],
      inspected: slot.inspected,
    };
  }

  /** The deployment is another. Resolves when no worker serves the one before: each has said so, or has ended. */
  async deploy(): Promise<void> {
    const { dedicated, live, placement, profilers, shared } = this.#parts;
    const placements = placement.placements();
    const deployed = shared.flatMap((slot) => this.#deployTo(slot, live.current, placements));
    this.#stopUnplaced();
    const apart = [...dedicated.slots, ...profilers.slots];
    const deployedApart = apart.flatMap((slot) => this.#deployTo(slot, live.only(slot.functionId!), []));
    await Promise.all([...deployed, ...deployedApart]);
  }

  /** A function runs elsewhere from now on. */
  place(): void {
    const placements = this.#parts.placement.placements();
    for (const slot of this.#parts.shared) slot.send({ type: "place", placements });
    this.#stopUnplaced();
  }

  #deployTo(slot: WorkerSlot, deployment: Deployment, placements: readonly Placement[]): Promise<unknown>[] {
    const order = (requestId: number) => ({ type: "deploy", requestId, deployment, placements }) as const;
    return slot.serving.map((worker) => this.#parts.inquiries.ask(worker, order, DEPLOYED_MAX_MS));
  }

  #stopUnplaced(): void {
    const { dedicated, placement } = this.#parts;
    dedicated.keepOnly((functionId) => placement.placementOf(functionId)?.where === "dedicated");
  }
}
