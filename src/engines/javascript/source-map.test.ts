import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { bundleOf, type Exports, run } from "../../../test/support/bundled.ts";
import { excerpt, excerptOf, mapStack, mapStackWith } from "./source-map.ts";

const folder = await mkdtemp(join(tmpdir(), "pilotlight-map-"));
after(() => rm(folder, { recursive: true }));

const FILES = {
  "api/a.ts": 'import { fail } from "../lib/_b.ts";\n\nexport default (): void => {\n  fail("no");\n};\n',
  "lib/_b.ts": "interface Gone {}\nexport function fail(text: string): never {\n  throw new RangeError(text);\n}\n",
};

function stackOf(exports: Exports): string {
  try {
    (exports["default"] as () => void)();
  } catch (error) {
    return (error as Error).stack ?? "";
  }
  return "";
}

for (const minify of [false, true]) {
  test(`a stack of a ${minify ? "minified" : "plain"} bundle names the developer's lines`, async () => {
    const bundle = await bundleOf(FILES, { minify });
    const mapped = mapStackWith(stackOf((await run(bundle)).exports), bundle.map).split("\n");
    assert.equal(mapped[0], "RangeError: no");
    assert.match(mapped[1]!, /lib\/_b\.ts:3:9\)?$/);
    assert.match(mapped[2]!, /api\/a\.ts:4:3\)?$/);
    assert.ok(!mapped.some((line) => line.includes("pilotlight:probe")), mapped.join("\n"));
  });
}

test("positions survive the lowering of async functions", async () => {
  const code =
    'import { AsyncLocalStorage } from "node:async_hooks";\nexport const s = AsyncLocalStorage;\nawait 1;\nexport default () => {\n  throw new Error("x");\n};\n';
  const bundle = await bundleOf({ "a.ts": code });
  assert.equal(bundle.tracksAsyncContext, true);
  assert.match(mapStackWith(stackOf((await run(bundle)).exports), bundle.map), /\n.*\(?a\.ts:5:9\)?/);
});

test("a stack is mapped by the map's file, and the lines around it shown", async () => {
  const bundle = await bundleOf(FILES);
  const mapFile = join(folder, "probe.map");
  await writeFile(mapFile, bundle.map);
  const mapped = await mapStack(stackOf((await run(bundle)).exports), mapFile);
  assert.equal(
    await excerptOf(mapped, mapFile),
    [
      "  1 | interface Gone {}",
      "  2 | export function fail(text: string): never {",
      "> 3 |   throw new RangeError(text);",
      "    |         ^",
      "  4 | }",
      "  5 |",
    ].join("\n"),
  );
  assert.equal(await excerptOf("Error: x\n    at elsewhere.ts:1:1", mapFile), "");
});

test("frames of our own code are dropped and strange lines kept", async () => {
  const { map } = await bundleOf(FILES);
  const stack = [
    "Error: at (pilotlight:probe:x)",
    "    at dispatch (pilotlight-guest:1:900)",
    "    at pilotlight:probe:1:5",
    "    at Promise.all (index 0)",
    "    at <anonymous>",
    "  not a frame pilotlight-guest:1:1",
  ].join("\n");
  assert.equal(
    mapStackWith(stack, map),
    "Error: at (pilotlight:probe:x)\n    at Promise.all (index 0)\n    at <anonymous>\n  not a frame pilotlight-guest:1:1",
  );
});

test("function ids with brackets, spaces and colons are frames as any", async () => {
  const bundle = await bundleOf(FILES);
  const stack = stackOf((await run(bundle)).exports).replaceAll("pilotlight:probe", "pilotlight:a (b)/[id]:x");
  assert.match(mapStackWith(stack, bundle.map), /lib\/_b\.ts:3:9/);
});

test("a hostile stack is cut in length and in lines", async () => {
  const { map } = await bundleOf(FILES);
  const many = `${"    at x (pilotlight:probe:9:9)\n".repeat(50_000)}`;
  assert.ok(mapStackWith(many, map).split("\n").length <= 100);
  assert.ok(mapStackWith(`at ${":1".repeat(1_000_000)}`, map).length <= 2_048);
  assert.equal(mapStackWith("    at pilotlight:probe:99999999999:1", map), "    at pilotlight:probe:99999999999:1");
});

test("an excerpt stays within the file and within its width", () => {
  assert.equal(excerpt("one", 1, 1), "> 1 | one\n    | ^");
  assert.equal(excerpt("one", 2, 1), "");
  assert.ok(excerpt("x".repeat(10_000), 1, 9_000).length < 300);
});
