import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { DAY_MS, HOUR_MS } from "../../base/units.ts";
import type { PolicyConfig } from "../../config/mirror-config.ts";
import { createPolicy } from "../policy/create-policy.ts";
import type { ProjectFile, ProjectPage } from "../simple/project-page.ts";
import { viewPage } from "./page-view.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const DAY_LONG: PolicyConfig = { mode: "enforce", rules: [], cooldownMs: DAY_MS, cooldownExempt: [] };

function uploaded(ageMs: number, filename = "demo-1.0.tar.gz"): ProjectFile {
  return {
    filename,
    url: `http://index.example/${filename}`,
    hashes: {},
    requiresPython: null,
    sizeBytes: null,
    uploadTime: new Date(NOW_MS - ageMs).toISOString(),
    yanked: false,
    coreMetadata: false,
    gpgSignature: null,
    provenance: null,
  };
}

function page(files: readonly ProjectFile[], name = "demo", status: ProjectPage["status"] = null): ProjectPage {
  return { name, files, versions: [], status, tracks: [], alternateLocations: [], lastSerial: null };
}

test("a listing holds until the first hidden file has cooled down", async () => {
  const rules = [{ action: "deny", names: ["demo"], versions: "==9.0", reason: null }] as const;
  const policy = await createPolicy({ ...DAY_LONG, rules, cooldownExempt: ["free"] });
  const files = [
    uploaded(2 * DAY_MS),
    uploaded(3 * HOUR_MS),
    uploaded(5 * HOUR_MS),
    uploaded(20 * HOUR_MS, "demo-9.0.tar.gz"),
    { ...uploaded(0, "demo-2.0.tar.gz"), uploadTime: null },
  ];
  const untilMs = (listed: readonly ProjectFile[], isOwn = false, name = "demo") =>
    viewPage(page(listed, name), policy, NOW_MS, isOwn).untilMs;
  assert.equal(untilMs(files), NOW_MS + 19 * HOUR_MS);
  assert.equal(untilMs(files, true), null);
  assert.equal(untilMs(files, false, "free"), null);
  assert.equal(untilMs([uploaded(DAY_MS)]), null);
  assert.equal(untilMs([uploaded(-HOUR_MS)]), NOW_MS + 25 * HOUR_MS);
  const shadow = await createPolicy({ ...DAY_LONG, mode: "shadow" });
  assert.deepEqual(viewPage(page(files), shadow, NOW_MS, false), { files, untilMs: null });
});

test("no listing changes before the time that it told, and it does then", async () => {
  const ageMs = fc.integer({ min: -3 * DAY_MS, max: 3 * DAY_MS });
  await fc.assert(
    fc.asyncProperty(fc.array(ageMs, { maxLength: 6 }), fc.boolean(), async (agesMs, denies) => {
      const rules = denies ? ([{ action: "deny", names: ["demo"], versions: "==1", reason: null }] as const) : [];
      const policy = await createPolicy({ ...DAY_LONG, rules });
      const listed = page(agesMs.map((age, place) => uploaded(age, `demo-${place}.tar.gz`)));
      const { files, untilMs } = viewPage(listed, policy, NOW_MS, false);
      assert.deepEqual(viewPage(listed, policy, untilMs === null ? NOW_MS + 10 * DAY_MS : untilMs - 1, false).files, files);
      if (untilMs !== null) assert.notDeepEqual(viewPage(listed, policy, untilMs, false).files, files);
    }),
  );
});

test("of a project that its index has quarantined no file is shown, whatever the policy, and of an archived one all", async () => {
  const files = [uploaded(2 * DAY_MS)];
  const policy = await createPolicy({ ...DAY_LONG, mode: "shadow", cooldownMs: 0 });
  assert.deepEqual(viewPage(page(files, "demo", { state: "quarantined", reason: null }), policy, NOW_MS, false), {
    files: [],
    untilMs: null,
  });
  assert.deepEqual(viewPage(page(files, "demo", { state: "archived", reason: null }), policy, NOW_MS, false).files, files);
});
