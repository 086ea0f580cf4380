import assert from "node:assert/strict";
import { test } from "node:test";
import { DAY_MS } from "../../base/units.ts";
import type { MirrorConfig } from "../../config/mirror-config.ts";
import { MirrorCounters } from "../counters.ts";
import type { IndexHealth } from "../upstream/upstream.ts";
import { type HomeParts, homePage } from "./home-page.ts";

const HEALTH: IndexHealth = {
  index: "index-1",
  failuresInARow: 0,
  lastFailure: null,
  lastSuccessAtMs: null,
  requestCount: 0,
  receivedBytes: 0,
};
const INDEX = { name: "index-1", url: "https://index.example/simple/", ttlMs: 1, auth: null };
const NO_POLICY = { mode: "enforce", rules: [], cooldownMs: 0, cooldownExempt: [] } as const;

function shown(config: Partial<Omit<MirrorConfig, "upstream">> & { offline?: boolean }, health: Partial<IndexHealth> = {}): string {
  const { offline = false, ...rest } = config;
  const parts: HomeParts = {
    counters: new MirrorCounters(),
    store: { totals: { fileCount: 0, sizeBytes: 0, maxBytes: 0, quarantinedCount: 0 } as HomeParts["store"]["totals"] },
    config: { indexes: [INDEX], pins: [], policy: NO_POLICY, packagesDir: null, upstream: { offline }, ...rest } as unknown as MirrorConfig,
    upstream: { health: () => [{ ...HEALTH, ...health }] },
  };
  return homePage(parts, { startedAtMs: 0, nowMs: 1 });
}

test("an index is told as asked or not, and its failure in words", () => {
  assert.match(shown({}), /<td>not asked yet<\/td>/);
  assert.match(shown({}, { requestCount: 1 }), /<td>up<\/td>/);
  const failing = shown({}, { lastFailure: { code: "UPSTREAM_UNREACHABLE", url: INDEX.url, reason: "nobody <listens>" } });
  assert.match(failing, /<b class="bad">down<\/b>: Cannot fetch https:\/\/index\.example\/simple\/: nobody &lt;listens&gt;<\/td>/);
  assert.doesNotMatch(failing, /UPSTREAM_/);
  assert.match(shown({ offline: true }), /<td>not asked \(offline\)<\/td>/);
});

test("a key in the path of an index is not shown", () => {
  const text = shown({ indexes: [{ ...INDEX, url: "https://index.example/k3jX9vQ2mZ7pL1wR/simple/" }] });
  assert.match(text, /https:\/\/index\.example\/\*\*\*\/simple\//);
  assert.doesNotMatch(text, /k3jX9/);
});

test("the folder of packages has a row, without its path", () => {
  const page = shown({ packagesDir: "/srv/secret-place" });
  assert.match(page, /<td>packages<\/td>[\s\S]*<td>index-1<\/td>/);
  assert.doesNotMatch(page, /secret-place/);
});

test("the policy is in the header, where there is one", () => {
  assert.doesNotMatch(shown({}), /Policy:/);
  assert.match(shown({ policy: { ...NO_POLICY, cooldownMs: 7 * DAY_MS } }), /<p>Policy: cool-down 7d, enforced<\/p><\/header>/);
});

test("no icon is asked for", () => {
  assert.match(shown({}), /<link rel="icon" href="data:,">/);
});
