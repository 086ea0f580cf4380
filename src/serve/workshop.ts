/**
 * Workshop: the real makers behind a live deployment. Loaded by import() while
 * the first worker boots, so that none of it delays that worker's start; the
 * bundler itself is loaded by the first build.
 */
import { join } from "node:path";
import { ok } from "../base/result.ts";
import { guestHash, guestScript, snapshotFileName } from "../engines/javascript/guest-script.ts";
import { makeDeployment } from "./deployment.ts";
import type { Workshop } from "./live-deployment.ts";
import { readManifest } from "./manifest.ts";

export const workshop: Workshop = {
  async makeDeployment(config, version, previous) {
    const made = await makeDeployment(config, version, process.env, previous);
    // A worker may not bundle it; a build is served without ever asking for one.
    if (made.deployment.functions.some(({ engine }) => engine === "wasm")) await guestScript("wasi", config.dataDir);
    return made;
  },
  async check(config, spec) {
    return (await import("../engines/wasm/build-module.ts")).buildModule(spec, config.dataDir);
  },
  async build(config, spec, signal, improved) {
    if (spec.engine === "wasm") {
      const built = await (await import("./build-wasm.ts")).buildWasm(config, spec, { signal, isWaitedFor: false });
      if (!built.ok) return built;
      const { bundle, better } = built.value;
      // What was prepared before is here at once: not before the build itself has been heard of.
      void better.then((found) => {
        if (found !== null) setImmediate(() => improved(bundle, { bundle: found.bundle, failure: found.failure?.message ?? null }));
      });
      return ok(bundle);
    }
    const [{ getBundle }, { bundleSourceOf }] = await Promise.all([
      import("../engines/javascript/bundle-cache.ts"),
      import("./bundle-source.ts"),
    ]);
    return getBundle(bundleSourceOf(config.source, spec), config.dataDir, config.mode, signal);
  },
  async snapshotFile(config) {
    // The worker can't run the bundler under its permissions: the prelude must exist before it asks.
    const hash = await guestHash("prelude", config.dataDir);
    if (config.source.kind === "built") {
      const manifest = await readManifest(config.source.path);
      if (manifest.ok && manifest.value.snapshotFile !== null && manifest.value.guestHash === hash) return manifest.value.snapshotFile;
    }
    return join(config.dataDir, "cache", "snapshots", snapshotFileName(hash));
  },
};
