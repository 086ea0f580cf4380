import assert from "node:assert/strict";
import { test } from "node:test";
import { Result, range, tryParse } from "./extras.ts";

test("range counts from zero, between two numbers, and by steps", () => {
  assert.deepEqual(
    [range(3), range(0), range(-1), range(2, 5), range(0, 5, 2), range(3, 0, -1)],
    [[0, 1, 2], [], [], [2, 3, 4], [0, 2, 4], [3, 2, 1]],
  );
});

test("a range that would fill the memory is refused", () => {
  assert.throws(() => range(1e9), RangeError);
  assert.throws(() => range(0, 1, 0), RangeError);
  assert.throws(() => range(Number.NaN), RangeError);
});

test("tryParse gives a Result instead of throwing", () => {
  assert.deepEqual(tryParse('{"a":1}').unwrap(), { a: 1 });
  const failed = tryParse("{");
  assert.equal(failed.ok, false);
  assert.match(String(failed.error), /JSON/);
  assert.equal(failed.unwrapOr("fallback"), "fallback");
});

test("a Result says which it is, unwraps, maps and matches", () => {
  const [good, bad] = [Result.ok(2), Result.err("no")];
  assert.deepEqual([good.isOk(), good.isErr(), bad.isOk(), bad.isErr()], [true, false, false, true]);
  assert.equal(good.map((value) => (value as number) * 2).unwrap(), 4);
  assert.equal(
    bad.map(() => 1),
    bad,
  );
  assert.equal(bad.mapErr((error) => `${error}!`).unwrapErr(), "no!");
  assert.equal(good.match({ ok: (value) => value, err: () => 0 }), 2);
  assert.throws(() => bad.unwrap(), /unwrap of an error: no/);
  assert.throws(() => good.unwrapErr(), /unwrapErr of a value/);
});

test("a Result shows only the side it has, also as JSON", () => {
  assert.equal(JSON.stringify([Result.ok(1), Result.err("e")]), '[{"ok":true,"value":1},{"ok":false,"error":"e"}]');
});
