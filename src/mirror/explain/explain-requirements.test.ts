import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { explained, explanation, hiding } from "../../../test/support/explanations.ts";
import { fail, ok } from "../../base/result.ts";
import type { VersionExplanation } from "../pages/pages.ts";
import { explainRequirements, type LookUp, type RequirementAnswer, type RequirementsAnswer } from "./explain-requirements.ts";

const DENIED = hiding("deny", "deny demo");

const VERSIONS: readonly VersionExplanation[] = [
  explained("1.0", null, null),
  explained("1.1", DENIED, null),
  explained("1.2", DENIED, DENIED),
  explained("2.0rc1", null),
];

function knows(versions: readonly VersionExplanation[]): LookUp {
  return async (project) => (project === "demo" ? ok(explanation(project, versions)) : fail({ code: "NO_SUCH_PROJECT", project }));
}

async function explain(text: string, versions = VERSIONS): Promise<RequirementsAnswer> {
  const answer = await explainRequirements(text, null, knows(versions));
  assert.ok(answer.ok, answer.ok ? "" : answer.failure);
  return answer.value;
}

async function one(text: string, versions = VERSIONS): Promise<RequirementAnswer> {
  const { requirements } = await explain(text, versions);
  assert.equal(requirements.length, 1);
  return requirements[0]!;
}

function told({ asked, state, hiddenCount, newestFitting, newestAllowed }: RequirementAnswer): unknown[] {
  return [asked, state, hiddenCount, newestFitting, newestAllowed];
}

test("a pinned version is allowed, partly hidden or hidden", async () => {
  assert.deepEqual(told(await one("demo==1.0")), ["==1.0", "allowed", 0, "1.0", "1.1"]);
  assert.deepEqual(told(await one("demo==1.1")), ["==1.1", "partly-hidden", 1, "1.1", "1.1"]);
  const hidden = await one("demo==1.2.0");
  assert.deepEqual(told(hidden), ["==1.2.0", "hidden", 2, null, "1.1"]);
  assert.equal(hidden.summary, "demo ==1.2.0: 2 of 2 files are hidden (demo-1.2-0.whl: because); the newest allowed version is 1.1");
  assert.deepEqual(told(await one("demo==7")), ["==7", "not-listed", 0, null, "1.1"]);
});

test("a range tells what an installer would have taken and what it gets", async () => {
  const newer = await one("demo>=1.0");
  assert.deepEqual(told(newer), [">=1.0", "partly-hidden", 2, "1.1", "1.1"]);
  assert.deepEqual(
    newer.hidden.map(({ version }) => version),
    ["1.2", "1.2"],
  );
  assert.deepEqual(told(await one("demo<1.1")), ["<1.1", "allowed", 0, "1.0", "1.1"]);
  assert.deepEqual(told(await one("demo>1.1,<2")), [">1.1,<2", "hidden", 2, null, "1.1"]);
  assert.deepEqual(told(await one("demo>=2.0rc1")), [">=2.0rc1", "allowed", 0, "2.0rc1", "1.1"]);
  assert.deepEqual(told(await one("demo>3")), [">3", "not-listed", 0, null, "1.1"]);
  assert.deepEqual(told(await one("demo")), ["", "partly-hidden", 2, "1.1", "1.1"]);
});

test("a final version that is hidden is told though a newer pre-release is left", async () => {
  assert.deepEqual(told(await one("demo", [explained("1.0", DENIED), explained("2.0rc1", null)])), [
    "",
    "partly-hidden",
    1,
    "2.0rc1",
    "2.0rc1",
  ]);
});

test("a yanked version doesn't count for a range and does for a pin", async () => {
  const yanked = { version: "3.0", files: explained("3.0", DENIED).files.map((file) => ({ ...file, yanked: true })) };
  assert.deepEqual(told(await one("demo", [...VERSIONS.slice(0, 1), yanked])), ["", "allowed", 0, "1.0", "1.0"]);
  assert.deepEqual(told(await one("demo==3.0", [...VERSIONS.slice(0, 1), yanked])), ["==3.0", "hidden", 1, null, "1.0"]);
});

test("of a lock the files that it names count, and those the index doesn't list are told", async () => {
  const lock = (...files: readonly string[]) =>
    `version = 1\n[[package]]\nname = "demo"\nversion = "1.1"\nsource = { registry = "https://index.example/simple" }\nwheels = [${files
      .map((file) => `{ url = "https://files.example/${file}" }`)
      .join(", ")}]`;
  assert.deepEqual(told(await one(lock("demo-1.1-1.whl"))), ["==1.1", "allowed", 0, "1.1", "1.1"]);
  const some = await one(lock("demo-1.1-0.whl", "demo-1.1-1.whl", "demo-1.1-7.whl"));
  assert.deepEqual([some.state, some.hiddenCount, some.notListed], ["partly-hidden", 1, ["demo-1.1-7.whl"]]);
  assert.match(some.summary, /1 of its files the index does not list/);
  assert.equal((await one(lock("demo-1.1-7.whl"))).state, "not-listed");
});

test("what comes from no index is not looked up, and a project that no index has is not listed", async () => {
  const { requirements, counts, summary, mode } = await explain("demo @ https://files.example/demo.zip\nother==1\ndemo==1.0");
  assert.deepEqual(
    requirements.map(({ state, summary }) => [state, summary]),
    [
      ["not-from-index", "demo: comes from an address, not from an index"],
      ["not-listed", 'other: No index has a project "other"'],
      ["allowed", "demo ==1.0: allowed"],
    ],
  );
  assert.deepEqual([counts.allowed, counts["not-listed"], counts["not-from-index"]], [1, 1, 1]);
  assert.equal(summary, "1 of 3 requirements are allowed; 1 not listed by the index, 1 not from an index");
  assert.equal(mode, "enforce");
});

test("a text that is no lock file is refused with the reason", async () => {
  assert.deepEqual(await explainRequirements("-r other.txt", null, knows([])), {
    ok: false,
    failure: 'line 1: "-r other.txt" names another file, which isn\'t here; send one file with everything',
  });
});

test("a project is looked up once however often it is named, and few at once", async () => {
  const asked: string[] = [];
  let [running, most] = [0, 0];
  const lookUp: LookUp = async (project) => {
    asked.push(project);
    most = Math.max(most, ++running);
    await turn();
    running--;
    return ok(explanation(project, []));
  };
  const text = Array.from({ length: 2_000 }, (_, place) => `demo${place % 100}==${place}`).join("\n");
  const answer = await explainRequirements(text, null, lookUp);
  assert.ok(answer.ok);
  assert.equal(answer.value.requirements.length, 2_000);
  assert.equal(answer.value.requirements[1_999]!.asked, "==1999");
  assert.equal(asked.length, 100);
  assert.equal(new Set(asked).size, 100);
  assert.ok(most <= 8, `${most} at once`);
});

test("of many hidden files some are told and all are counted", async () => {
  const { hidden, hiddenCount } = await one("demo==1", [explained("1", ...Array.from({ length: 300 }, () => DENIED))]);
  assert.deepEqual([hidden.length, hiddenCount], [50, 300]);
});

test("a project that is denied whole is hidden by its rule, and one that could not be looked up says why", async () => {
  const explained = await explainRequirements("evil==1\nother", null, async (project) =>
    project === "evil"
      ? fail({ code: "HIDDEN_BY_POLICY", project, filename: null, rule: "deny evil", reason: "ticket 4711" })
      : fail({ code: "OFFLINE", what: "it" }),
  );
  assert.ok(explained.ok);
  const { requirements, mode } = explained.value;
  assert.deepEqual(
    requirements.map(({ state }) => state),
    ["hidden", "unanswered"],
  );
  assert.equal(requirements[0]!.summary, "evil: all of its files are hidden (by deny evil: ticket 4711), and no index is asked for it");
  assert.equal(mode, "enforce");
});
