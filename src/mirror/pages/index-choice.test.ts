import assert from "node:assert/strict";
import { test } from "node:test";
import type { IndexConfig } from "../../config/mirror-config.ts";
import { chooseIndexes } from "./index-choice.ts";

const indexes: readonly IndexConfig[] = ["private", "public"].map((name) => ({
  name,
  url: `https://${name}.index.example/simple/`,
  ttlMs: 1_000,
  auth: null,
}));
const named = (project: string, pins: readonly { pattern: string; index: string }[]) => {
  const { indexes: chosen, because } = chooseIndexes(project, indexes, pins);
  return [because, ...chosen.map(({ name }) => name)];
};

test("a name that nobody pinned is asked of all indexes in order", () => {
  assert.deepEqual(named("numpy", [{ pattern: "acme-*", index: "private" }]), ["first", "private", "public"]);
});

test("a pinned name is asked of its index alone, and the first pin that matches decides", () => {
  const pins = [
    { pattern: "acme-open", index: "public" },
    { pattern: "acme-*", index: "private" },
  ];
  assert.deepEqual(named("acme-core", pins), ["pin", "private"]);
  assert.deepEqual(named("acme-open", pins), ["pin", "public"]);
});

test("a name pinned to an index that isn't there is asked of nobody", () => {
  assert.deepEqual(named("acme", [{ pattern: "acme", index: "gone" }]), ["pin"]);
});
