/**
 * CRIU needs: whether processes of a function can be dumped and restored here, and
 * why not. Each instance of an image has the pids that were dumped, and a /proc that
 * shows them, so that each needs a PID namespace with a mount namespace;
 * making them, and writing the memory of processes, is for root. Pure.
 */
import type { ProcessSettings } from "../../../config/process-settings.ts";
import { whyNot } from "../launch/launch-plan.ts";
import { holdersOf } from "../launch/limit-holders.ts";
import type { MachineFacts } from "../launch/machine-facts.ts";

const INSTEAD = "snapshot: fork needs none of this";

/** A phrase: what is missing, and what to do. Null when nothing is. */
export function criuLack(settings: ProcessSettings, facts: MachineFacts): string | null {
  if (facts.platform !== "linux") return `CRIU is for Linux, and this is ${facts.platform}; ${INSTEAD}`;
  if (!facts.isRoot) return `CRIU restores processes as root, and this server is not; ${INSTEAD}`;
  if (settings.call === "stdio") return "a one-shot program has nothing to restore: each call starts it anew";
  if (facts.criu.lack !== null) return facts.criu.lack;
  const { namespaces } = holdersOf(settings, facts);
  if (!namespaces.pid) return `a restored process needs a PID namespace of its own: ${whyNot("pid", facts)}; ${INSTEAD}`;
  if (!facts.mountsProc) return `a restored process needs a /proc of its own, which can't be mounted here; ${INSTEAD}`;
  if (namespaces.user)
    return settings.namespaces.includes("user")
      ? "CRIU can't restore into a user namespace; leave `user` out of its namespaces, or take snapshot: fork"
      : `CRIU can't restore into a user namespace, and there is no PID namespace here without one; ${INSTEAD}`;
  if (namespaces.network && settings.call === "http") return "a program in a network namespace can't be called by HTTP";
  if (facts.ffiLack !== null) return `its pipes have to be ones that can be replaced: ${facts.ffiLack}`;
  return null;
}
