/**
 * A WebAssembly function as the server builds it: the module checked and
 * rewritten, the shim ready for workers, which can't bundle it themselves.
 */
import { dirname, join } from "node:path";
import { ok, type Result } from "../base/result.ts";
import type { Config } from "../config/config.ts";
import { guestScript } from "../engines/javascript/guest-script.ts";
import { buildModule } from "../engines/wasm/build-module.ts";
import { FACTS_NAME } from "../engines/wasm/wasm-facts.ts";
import type { BundleRef, FunctionSpec } from "./function-spec.ts";

export async function buildWasm({ dataDir }: Pick<Config, "dataDir">, spec: FunctionSpec): Promise<Result<BundleRef>> {
  const [built] = await Promise.all([buildModule(spec, dataDir), guestScript("wasi", dataDir)]);
  if (!built.ok) return built;
  const { hash, codeFile } = built.value;
  return ok({
    hash,
    codeFile,
    mapFile: join(dirname(codeFile), FACTS_NAME),
    codeCacheFile: codeFile,
    methods: null,
    tracksAsyncContext: false,
  });
}
