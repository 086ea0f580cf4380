/**
 * Workshop: the real makers behind a live deployment. Loaded by import() while
 * the first worker boots, so that none of it delays that worker's start; the
 * bundler itself is loaded by the first build.
 */
import { join } from "node:path";
import { getBundle } from "../engines/javascript/bundle-cache.ts";
import { guestPrelude } from "../engines/javascript/guest-prelude.ts";
import { bundleSourceOf, makeDeployment } from "./deployment.ts";
import type { Workshop } from "./live-deployment.ts";

export const workshop: Workshop = {
  makeDeployment: (config, version, previous) => makeDeployment(config, version, process.env, previous),
  build: (config, spec) => getBundle(bundleSourceOf(config.source, spec), config.dataDir, config.mode),
  async snapshotFile(config) {
    // The worker can't run the bundler under its permissions: the prelude must exist before it asks.
    const { hash } = await guestPrelude(config.dataDir);
    return join(config.dataDir, "cache", "snapshots", `${hash.slice(0, 16)}-${process.versions.v8}-${process.arch}.snapshot`);
  },
};
