import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { DAY_MS, HOUR_MS } from "../../base/units.ts";
import type { PolicyConfig, PolicyRule } from "../../config/mirror-config.ts";
import type { ProjectFile } from "../simple/project-page.ts";
import { createPolicy } from "./create-policy.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const NONE: PolicyConfig = { mode: "enforce", rules: [], cooldownMs: 0, cooldownExempt: [] };

function file(filename: string, uploadTime: string | null = "2020-01-01T00:00:00Z"): ProjectFile {
  return {
    filename,
    url: `http://index.example/${filename}`,
    hashes: {},
    requiresPython: null,
    sizeBytes: null,
    uploadTime,
    yanked: false,
    coreMetadata: false,
    gpgSignature: null,
    provenance: null,
  };
}

function uploaded(ageMs: number, filename = "demo-1.0.tar.gz"): ProjectFile {
  return file(filename, new Date(NOW_MS - ageMs).toISOString());
}

function rule(action: PolicyRule["action"], names: string, versions = "", reason: string | null = null): PolicyRule {
  return { action, names: names.split(" "), versions, reason };
}

/** Which of the versions of the project "demo" are hidden by the rules. */
async function hiddenVersions(rules: readonly PolicyRule[], versions: readonly string[]): Promise<string[]> {
  const policy = await createPolicy({ ...NONE, rules });
  return versions.filter((version) => !policy.judge("demo", file(`demo-${version}.tar.gz`), NOW_MS, false).visible);
}

test("without rules and cool-down nothing is hidden and no page needs judging", async () => {
  const policy = await createPolicy(NONE);
  assert.equal(policy.isActive, false);
  assert.deepEqual(policy.judge("demo", file("demo-1.0.tar.gz", null), NOW_MS, false), { visible: true, hiddenBy: null });
});

test("the first rule that matches decides", async () => {
  const policy = await createPolicy({ ...NONE, rules: [rule("allow", "acme-core"), rule("deny", "acme-* evil-*"), rule("allow", "*")] });
  assert.equal(policy.isActive, true);
  assert.equal(policy.judge("acme-core", file("acme_core-1.0.tar.gz"), NOW_MS, false).visible, true);
  assert.equal(policy.judge("acme-other", file("acme_other-1.0.tar.gz"), NOW_MS, false).visible, false);
  assert.equal(policy.judge("numpy", file("numpy-1.0.tar.gz"), NOW_MS, false).visible, true);
});

test("a denial names the pattern, the reason and the upload", async () => {
  const policy = await createPolicy({ ...NONE, rules: [rule("deny", "other demo*", "<2", "CVE-2026-1")] });
  assert.deepEqual(policy.judge("demo", uploaded(DAY_MS), NOW_MS, false), {
    visible: false,
    hiddenBy: { kind: "deny", rule: "deny demo* <2", reason: "CVE-2026-1", sinceMs: NOW_MS - DAY_MS, untilMs: null },
  });
});

test("rules by version count pre-releases and local versions as versions", async () => {
  const versions = ["1.0", "1.0+cpu", "1.9rc1", "2.0rc1", "2.0", "2.1.dev1", "2.1"];
  assert.deepEqual(await hiddenVersions([rule("deny", "demo", ">=2.0")], versions), ["2.0", "2.1.dev1", "2.1"]);
  assert.deepEqual(await hiddenVersions([rule("deny", "demo", "==1.0")], versions), ["1.0", "1.0+cpu"]);
  assert.deepEqual(await hiddenVersions([rule("deny", "demo", "==2.*")], versions), ["2.0rc1", "2.0", "2.1.dev1", "2.1"]);
  assert.deepEqual(await hiddenVersions([rule("allow", "demo", "<2"), rule("deny", "*")], versions), ["2.0rc1", "2.0", "2.1.dev1", "2.1"]);
});

test("a file whose version can't be told is denied by every rule that denies some versions, and allowed by none", async () => {
  for (const filename of [
    "demo.exe",
    "demo-2004d.tar.gz",
    "somethingelse",
    "demo-99999999999999999999.tar.gz",
    "other-0.5-py3-none-any.whl",
  ]) {
    for (const versions of ["==1.0", ">=3"]) {
      const policy = await createPolicy({ ...NONE, rules: [rule("deny", "demo", versions)] });
      const denied = policy.judge("demo", file(filename), NOW_MS, false);
      assert.equal(denied.visible, false, `${filename} ${versions}`);
      assert.match(denied.hiddenBy!.reason, /can't be told/);
    }
    const rules = [rule("allow", "demo", ">=0"), rule("deny", "demo")];
    assert.equal((await createPolicy({ ...NONE, rules })).judge("demo", file(filename), NOW_MS, false).visible, false, filename);
  }
  const byText = await createPolicy({ ...NONE, rules: [rule("deny", "demo", "===1.0")] });
  assert.equal(byText.judge("demo", file("demo.exe"), NOW_MS, false).visible, false);
});

test("a file is hidden until it is as old as the cool-down", async () => {
  const policy = await createPolicy({ ...NONE, cooldownMs: 7 * DAY_MS });
  const { visible, hiddenBy } = policy.judge("demo", uploaded(7 * DAY_MS - 1), NOW_MS, false);
  assert.equal(visible, false);
  assert.deepEqual(
    { ...hiddenBy, reason: "" },
    { kind: "cooldown", rule: "cooldown 7d", reason: "", sinceMs: NOW_MS - 7 * DAY_MS + 1, untilMs: NOW_MS + 1 },
  );
  assert.match(hiddenBy!.reason, /until 2026-11-21T12:00:00\.001Z/);
  assert.equal(policy.judge("demo", uploaded(7 * DAY_MS), NOW_MS, false).visible, true);
});

test("an upload time that is missing, unreadable or in the future never cools down", async () => {
  const policy = await createPolicy({ ...NONE, cooldownMs: 36 * HOUR_MS });
  for (const uploadTime of [
    null,
    "yesterday",
    "2020-01-01",
    "2020-02-31T00:00:00Z",
    new Date(NOW_MS + 1).toISOString(),
    "9999-12-31T00:00:00Z",
  ]) {
    const { visible, hiddenBy } = policy.judge("demo", file("demo-1.0.tar.gz", uploadTime), NOW_MS, false);
    assert.equal(visible, false, String(uploadTime));
    assert.equal(hiddenBy!.kind, "no-upload-time");
    assert.equal(hiddenBy!.rule, "cooldown 36h");
  }
});

test("the cool-down passes over exempt names and the folder of packages, not over what a rule allows", async () => {
  const policy = await createPolicy({ ...NONE, rules: [rule("allow", "demo")], cooldownMs: DAY_MS, cooldownExempt: ["acme-*"] });
  assert.equal(policy.judge("acme-core", uploaded(0, "acme_core-1.0.tar.gz"), NOW_MS, false).visible, true);
  assert.equal(policy.judge("demo", uploaded(0), NOW_MS, true).visible, true);
  assert.equal(policy.judge("demo", uploaded(0), NOW_MS, false).visible, false);
});

test("a rule denies in the folder of packages and of exempt names, too", async () => {
  const policy = await createPolicy({ ...NONE, rules: [rule("deny", "demo")], cooldownMs: DAY_MS, cooldownExempt: ["demo"] });
  assert.equal(policy.judge("demo", uploaded(2 * DAY_MS), NOW_MS, true).hiddenBy!.kind, "deny");
});

test("shadow mode shows everything and tells what it would have hidden", async () => {
  const policy = await createPolicy({ ...NONE, mode: "shadow", rules: [rule("deny", "evil-*")], cooldownMs: DAY_MS });
  const denied = policy.judge("evil-demo", file("evil_demo-1.0.tar.gz"), NOW_MS, false);
  assert.deepEqual([denied.visible, denied.hiddenBy!.rule], [true, "deny evil-*"]);
  const held = policy.judge("demo", uploaded(0), NOW_MS, false);
  assert.deepEqual([held.visible, held.hiddenBy!.kind], [true, "cooldown"]);
});

test("judgements don't depend on what was asked before", async () => {
  const rules = [rule("deny", "demo", "==1.0"), rule("deny", "other")];
  const policy = await createPolicy({ ...NONE, rules });
  const asked = ["demo", "other", "third", "demo", "third", "other"].map(
    (project) => policy.judge(project, file(`${project}-1.0.tar.gz`), NOW_MS, false).visible,
  );
  assert.deepEqual(asked, [false, false, true, false, true, false]);
});

test("no file name makes a judgement throw or a denied project visible", async () => {
  const policy = await createPolicy({ ...NONE, rules: [rule("deny", "demo", ">=0"), rule("deny", "demo")], cooldownMs: DAY_MS });
  fc.assert(
    fc.property(fc.string(), fc.option(fc.string(), { nil: null }), (filename, uploadTime) => {
      assert.equal(policy.judge("demo", file(filename, uploadTime), NOW_MS, false).visible, false);
    }),
  );
});
