/** What a server keeps under its data folder for the next start. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "./support/fake-fleet.ts";
import { startServer } from "./support/server.ts";

function listed(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" });
}

test("a worker keeps the guest's snapshot and the code it compiled, whole and once", async () => {
  const server = await startServer({ "hello.ts": "export default () => new Response('hi');\n" });
  try {
    assert.equal(await (await server.get("/hello")).text(), "hi");
    const kept = (pattern: RegExp): string[] => listed(join(server.folder, ".pilotlight")).filter((file) => pattern.test(file));
    await eventually("compiled code on the disk", () => kept(/v8cache/).length > 0);
    assert.match(kept(/snapshot\b/).join("\n"), /^cache\/snapshots\/[0-9a-f]{16}-[\d.]+-node\.\d+-\w+\.snapshot$/);
    assert.match(kept(/v8cache/).join("\n"), /^bundles\/[0-9a-f]{64}\.v8cache$/);
  } finally {
    await server.stop();
  }
});
