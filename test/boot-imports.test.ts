/** What a start loads before its first answer: each of these would cost 5 to 40 ms (docs/decisions/0008-published-bundles.md). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const SRC = join(import.meta.dirname, "../src");
const COSTLY =
  /^NativeModule (?:https?|_http_server|tls|crypto|zlib|dns|fs\/promises|worker_threads|readline|internal\/deps\/undici\/undici)$/;

/** Built-ins that are loaded once `module` is, in a process of its own. SIGKILL: isolated-vm's threads would hold an exit up. */
function builtinsOf(module: string, flags: readonly string[]): string[] {
  const script = `await import(${JSON.stringify(join(SRC, module))}); console.log(JSON.stringify(process.moduleLoadList)); process.kill(process.pid, "SIGKILL");`;
  const { stdout } = spawnSync(process.execPath, [...flags, "--input-type=module", "--eval", script], { encoding: "utf8" });
  return JSON.parse(stdout) as string[];
}

test("a worker boots without the built-ins that only some functions need", () => {
  const loaded = builtinsOf("serve/worker-main.ts", ["--no-node-snapshot"]);
  assert.ok(loaded.includes("NativeModule net"));
  assert.deepEqual(
    loaded.filter((name) => COSTLY.test(name)),
    [],
  );
});

test("the first worker is forked before HTTP, TLS or cryptography are loaded", () => {
  const loaded = builtinsOf("cli/prefork.ts", []);
  assert.ok(loaded.includes("NativeModule child_process"));
  assert.deepEqual(
    loaded.filter((name) => COSTLY.test(name) && !name.endsWith("fs/promises")),
    [],
  );
});

test("a mirror that has what it is asked for loads no cryptography, no compression, no HTTP client and no child process", () => {
  const loaded = builtinsOf("mirror/mirror.ts", []);
  assert.ok(loaded.includes("NativeModule net"));
  assert.deepEqual(
    loaded.filter((name) => (COSTLY.test(name) || name === "NativeModule child_process") && !/(?:fs\/promises|worker_threads)$/.test(name)),
    [],
  );
});

test("a mirror is configured, and its clients are known, before HTTP, TLS or cryptography are loaded", () => {
  for (const module of ["config/mirror/parse.ts", "mirror/client-auth.ts"]) {
    const loaded = builtinsOf(module, []);
    assert.deepEqual(
      // An import of node:util, which reads flags, names worker_threads.
      loaded.filter((name) => COSTLY.test(name) && !/(?:fs\/promises|worker_threads)$/.test(name)),
      [],
      module,
    );
  }
});
