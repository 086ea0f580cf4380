/** The JavaScript engine without a server around it: nothing is stored, and its prelude comes from a snapshot in `snapshotFile`. */
import type { Engine } from "../engine.ts";
import { engineAlone } from "../isolate/engine-alone.ts";
import { guestScript } from "./guest-script.ts";
import { JavaScriptEngine, type JavaScriptEngineOptions } from "./javascript-engine.ts";
import { loadSnapshot } from "./snapshot.ts";

type Complaints = Pick<JavaScriptEngineOptions, "onGuestLog" | "onRunaway" | "onCatastrophe">;

export async function loneEngine(snapshotFile: string, cacheDir: string, complaints: Complaints): Promise<Engine> {
  const snapshot = await loadSnapshot(snapshotFile, async () => (await guestScript("prelude", cacheDir)).code);
  return engineAlone((host) => new JavaScriptEngine({ ...host, ...complaints, snapshot, capabilities: null, scheme: "http" }));
}
