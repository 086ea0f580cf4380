import assert from "node:assert/strict";
import { test } from "node:test";
import { describeIdlePin, idlePins } from "./idle-pins.ts";

const PINS = [
  { pattern: "acme-core", index: "index-1" },
  { pattern: "acme-*", index: "index-2" },
  { pattern: "other", index: "index-1" },
];

test("a pin of a name that the folder of packages owns is told with pattern and folder", () => {
  const idle = idlePins(PINS, ["acme-core", "acme-one", "acme-two", "demo"]);
  assert.deepEqual(
    idle.map((pin) => describeIdlePin(pin, "/srv/wheels")),
    [
      'The pin acme-core=index-1 has no effect on "acme-core": the folder of packages /srv/wheels owns what lies in it',
      'The pin acme-*=index-2 has no effect on "acme-one" and 1 more: the folder of packages /srv/wheels owns what lies in it',
    ],
  );
  assert.deepEqual(idlePins(PINS, ["demo"]), []);
});
