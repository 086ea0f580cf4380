import assert from "node:assert/strict";
import test from "node:test";
import { explained, explanation, hiding } from "../../../test/support/explanations.ts";
import type { ProjectExplanation } from "../pages/pages.ts";
import { explainProject } from "./explain-project.ts";

const DAY = "2026-11-20T00:00:00.000Z";
const LATER = "2026-11-27T00:00:00.000Z";
const COOLING = hiding("cooldown", "cooldown 7d", Date.parse(DAY), Date.parse(LATER));
const DENIED = hiding("deny", "deny demo ==1.5");

function newestAllowed(versions: ProjectExplanation["versions"]): string | null {
  return explainProject(explanation("demo", versions)).newestAllowed;
}

test("hidden files are told with rule, reason and times, and the newest allowed version with them", () => {
  const answer = explainProject(
    explanation("demo", [explained("1.0", null), explained("1.5", DENIED, null), explained("2.0", COOLING, COOLING)]),
  );
  assert.deepEqual(answer, {
    project: "demo",
    index: { name: "index-1", because: "first" },
    mode: "enforce",
    fetchedAt: "2026-11-21T12:00:00.000Z",
    fileCount: 5,
    hiddenCount: 3,
    hidden: [
      {
        filename: "demo-1.5-0.whl",
        version: "1.5",
        kind: "deny",
        rule: "deny demo ==1.5",
        reason: "because",
        uploadTime: DAY,
        since: null,
        until: null,
      },
      ...[0, 1].map((file) => ({
        filename: `demo-2.0-${file}.whl`,
        version: "2.0",
        kind: "cooldown",
        rule: "cooldown 7d",
        reason: "because",
        uploadTime: DAY,
        since: DAY,
        until: LATER,
      })),
    ],
    newest: "2.0",
    newestAllowed: "1.5",
    summary: `demo: 3 of 5 files are hidden (2 by cooldown 7d, 1 by deny demo ==1.5); the newest allowed version is 1.5, the newest of all 2.0 (from ${LATER})`,
  });
});

test("the newest is by PEP 440, a final one where there is one, and never yanked", () => {
  assert.equal(newestAllowed([explained("1.9", null), explained("1.10", null), explained("2.0rc1", null)]), "1.10");
  assert.equal(newestAllowed([explained("2.0rc1", null), explained("2.0rc2", null), explained("1.0", DENIED)]), "2.0rc2");
  assert.equal(
    newestAllowed([
      explained("1.0", null),
      { ...explained("2.0", null), files: explained("2.0", null).files.map((file) => ({ ...file, yanked: "" })) },
    ]),
    "1.0",
  );
  assert.equal(newestAllowed([explained("nonsense", null)]), null);
  assert.equal(newestAllowed([{ version: "3.0", files: [] }]), null);
});

test("the line for people fits what there is", () => {
  const summary = (...versions: ProjectExplanation["versions"]) => explainProject(explanation("demo", versions)).summary;
  assert.equal(summary(explained("1.0", null)), "demo: its only file is allowed; the newest version is 1.0");
  assert.equal(summary(explained("1.0", null, null)), "demo: all 2 files are allowed; the newest version is 1.0");
  assert.equal(summary(), "demo: it has no files; there is no version to choose");
  assert.equal(
    summary(explained("1.0", DENIED)),
    "demo: 1 of 1 file is hidden (1 by deny demo ==1.5); the newest allowed version is none, the newest of all 1.0",
  );
});

test("in shadow mode the same is told of what would be hidden", () => {
  const {
    mode,
    hiddenCount,
    newestAllowed: allowed,
    summary,
  } = explainProject({
    ...explanation("demo", [explained("1.0", null), explained("2.0", DENIED)]),
    mode: "shadow",
  });
  assert.deepEqual([mode, hiddenCount, allowed], ["shadow", 1, "1.0"]);
  assert.match(summary, /1 of 2 files would be hidden/);
});
