/**
 * A running server of WebAssembly functions for tests: modules copied into a
 * folder of functions under the names that the test gives them, as users do it.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ServerOptions } from "../../src/index.ts";
import { startServer, type TestServer } from "./server.ts";

/** Built guests by their file, modules made by hand by their bytes. */
export type Modules = Readonly<Record<string, string | Uint8Array>>;

/** `modules` maps the name of a function to its module. */
export async function startWasmServer(modules: Modules, options: ServerOptions = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-wasm-test-"));
  writeModules(folder, modules);
  const server = await startServer({}, { path: folder, dataDir: join(folder, ".pilotlight"), ...options });
  return {
    ...server,
    folder,
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function writeModules(folder: string, modules: Modules): void {
  for (const [name, module] of Object.entries(modules)) {
    const file = join(folder, `${name}.wasm`);
    mkdirSync(dirname(file), { recursive: true });
    if (typeof module === "string") copyFileSync(module, file);
    else writeFileSync(file, module);
  }
}
