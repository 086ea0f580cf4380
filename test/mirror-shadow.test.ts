/** Shadow mode over HTTP: everything is served, and each request that the policy would have refused is counted by its rule. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { wheel } from "./support/mirror/distributions.ts";
import { PILOTLIGHT_SUBJECT } from "./support/mirror/subject.ts";
import { startUpstream } from "./support/mirror/upstream-double.ts";

const dir = mkdtempSync(join(tmpdir(), "pilotlight-shadow-"));
after(() => rmSync(dir, { recursive: true, force: true }));

for (const { mode, status, counted } of [
  { mode: "shadow", status: 200, counted: "policy_shadowed" },
  { mode: "enforce", status: 403, counted: "policy_refusals" },
]) {
  test(`in ${mode} mode a denied file is answered with ${status}, and counted once a request`, async () => {
    await using upstream = await startUpstream();
    const [kept, denied] = [wheel({ name: "demo", version: "1.0" }), wheel({ name: "demo", version: "2.0" })];
    for (const distribution of [kept, denied]) upstream.publish(distribution);
    const yaml = `  policy: { mode: ${mode}, rules: [{ deny: demo, versions: ">=2" }] }\n`;
    await using mirror = await PILOTLIGHT_SUBJECT.start({ indexUrl: upstream.indexUrl, cacheDir: join(dir, mode), yaml });
    const statuses: number[] = [];
    // The second comes from the disk or from memory, which is another way through the mirror, the third from memory.
    for (const { filename } of [kept, denied, denied, denied]) {
      const response = await fetch(`${mirror.origin}/simple/demo/${filename}`);
      await response.arrayBuffer();
      statuses.push(response.status);
    }
    assert.deepEqual(statuses, [200, status, status, status]);
    const metrics = await (await fetch(`${mirror.origin}/metrics`)).text();
    const counts = metrics.split("\n").filter((line) => /^pilotlight_mirror_policy_\w+\{/.test(line));
    assert.deepEqual(counts, [`pilotlight_mirror_${counted}_total{rule="deny demo >=2"} 3`]);
  });
}
