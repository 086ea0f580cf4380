import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../test/support/properties.ts";
import { RecentMap } from "./recent-map.ts";

test("what was used longest ago goes first; a look is no use", () => {
  const map = new RecentMap<string, number>({ countMax: 2 });
  map.set("a", 1);
  map.set("b", 2);
  assert.equal(map.get("a"), 1);
  assert.equal(map.peek("b"), 2);
  map.set("c", 3);
  assert.deepEqual([map.peek("a"), map.peek("b"), map.peek("c"), map.size], [1, undefined, 3, 2]);
  assert.deepEqual([...map.keys()], ["a", "c"]);
});

test("all together weigh no more than they may, but the newest stays whatever it weighs", () => {
  const map = new RecentMap<string, string>({ weightMax: 10, weigh: (text) => text.length });
  map.set("a", "xxxx");
  map.set("b", "xxxx");
  map.set("a", "xxxxxx");
  assert.deepEqual([map.size, map.weight], [2, 10]);
  map.set("c", "x");
  assert.deepEqual([map.peek("b"), map.weight], [undefined, 7]);
  map.set("d", "x".repeat(20));
  assert.deepEqual([map.size, map.weight], [1, 20]);
  map.delete("d");
  assert.deepEqual([map.size, map.weight], [0, 0]);
});

test("what is pushed out is told, what is deleted or replaced is not", () => {
  const gone: number[] = [];
  const map = new RecentMap<string, number>({ countMax: 2, onPushedOut: (value) => gone.push(value) });
  for (const [key, value] of [
    ["a", 1],
    ["b", 2],
    ["b", 3],
    ["c", 4],
    ["d", 5],
  ] as const)
    map.set(key, value);
  map.delete("d");
  map.clear();
  assert.deepEqual(gone, [1, 3]);
});

test("what is older than it may be, or from a time to come, is not there", () => {
  let nowMs = 1_000;
  const map = new RecentMap<string, number>({ ageMaxMs: 100, nowMs: () => nowMs });
  map.set("a", 1);
  nowMs = 1_099;
  assert.equal(map.get("a"), 1);
  nowMs = 1_100;
  assert.equal(map.get("a"), undefined);
  map.set("a", 2);
  nowMs = 500;
  assert.equal(map.peek("a"), undefined);
  assert.equal(map.size, 0);
});

test("whatever is done to it, it holds its bounds, and what it holds is what was set last", () => {
  const step = fc.record({ do: fc.constantFrom("set", "get", "delete"), key: fc.nat(8), value: fc.nat(6) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const map = new RecentMap<number, number>({ countMax: 4, weightMax: 12, weigh: (value) => value });
      const last = new Map<number, number>();
      for (const { do: what, key, value } of steps) {
        if (what === "delete") map.delete(key);
        else if (what === "set") {
          map.set(key, value);
          last.set(key, value);
          assert.equal(map.peek(key), value);
        } else map.get(key);
        assert.ok(map.size <= 4 && map.weight <= 12);
        const held = [...last].filter(([one]) => map.peek(one) !== undefined);
        for (const [one, wanted] of held) assert.equal(map.peek(one), wanted);
        assert.equal(
          map.weight,
          held.reduce((sum, [, weight]) => sum + weight, 0),
        );
      }
    }),
  );
});
