/** The WebAssembly engine without a server around it: nothing is stored, and its shim comes from a snapshot in `snapshotFile`. */
import { engineAlone, type LoneEngine } from "../isolate/engine-alone.ts";
import { guestScript } from "../javascript/guest-script.ts";
import { loadSnapshot } from "../javascript/snapshot.ts";
import { WasmEngine, type WasmEngineOptions, type WasmTemplate } from "./wasm-engine.ts";

type Complaints = Pick<WasmEngineOptions, "onGuestLog" | "onRunaway" | "onCatastrophe">;

export async function loneWasmEngine(snapshotFile: string, cacheDir: string, complaints: Complaints): Promise<LoneEngine<WasmTemplate>> {
  const snapshot = await loadSnapshot(snapshotFile, async () => (await guestScript("wasi", cacheDir)).code);
  const capabilities = (): Promise<never> => Promise.reject(new Error("there is no store here"));
  return engineAlone((host) => new WasmEngine({ ...host, ...complaints, snapshot, capabilities }));
}
