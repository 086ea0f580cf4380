import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readModule } from "./module-facts.ts";
import { putBackObstacles, STATE_PARTS_MAX } from "./put-back.ts";
import { command, END, type Entry, EXTERNREF, F64, FUNCREF, I32, ONE_PAGE, type Parts, V128 } from "./testing/assembler.ts";

function obstaclesOf(instructions: Entry, parts?: Parts): string[] {
  const read = readModule(command(instructions, parts));
  assert(read.ok);
  return putBackObstacles(read.value);
}

const NO_NUMBER = [0x44, 1, 0, 0, 0, 0, 0, 0xf8, 0x7f];
const counter: Entry = [I32, 1, 0x41, 0, END];

describe("an obstacle is named by its feature", () => {
  const cases: readonly (readonly [RegExp, Entry, Parts?])[] = [
    [/^it uses data\.drop/, [0xfc, 9, 0], { dataCount: 1, data: [[1, 0]] }],
    [/^it uses elem\.drop/, [0xfc, 13, 0], { elements: [[1, 0, 0]] }],
    [/^it uses shared memory/, [], { memories: [[3, 1, 1]] }],
    [/^it uses exceptions/, [0x08, 0], { tags: [[0, 0]] }],
    [/^it uses GC types/, [0x41, 0, 0xfb, 28, 0x1a]],
    [/^it uses memory64/, [], { memories: [[4, 1]] }],
    [/^it uses the instruction 0xfb 0xff/, [0xfb, 0xff, 1]],
    [
      /^its global 1 is mutable and of type v128/,
      [],
      { globals: [counter, [V128, 1, 0xfd, 12, ...Array.from({ length: 16 }, () => 0), END]] },
    ],
    [/^it has 1001 memories, globals and tables/, [], { globals: Array.from({ length: STATE_PARTS_MAX }, () => counter) }],
  ];
  for (const [reason, instructions, parts] of cases) {
    test(String(reason), () => {
      const obstacles = obstaclesOf(instructions, parts);
      assert.equal(obstacles.length, 1, obstacles.join("; "));
      assert.match(obstacles[0]!, reason);
    });
  }
});

describe("nothing stands in the way of", () => {
  const cases: readonly (readonly [string, Entry, Parts?])[] = [
    ["a plain command", []],
    ["mutable numbers, a NaN among them", [], { globals: [counter, [F64, 1, ...NO_NUMBER, END]] }],
    ["mutable references that JavaScript can set", [], { globals: [FUNCREF, EXTERNREF].map((type) => [type, 1, 0xd0, type, END]) }],
    ["constant vectors", [], { globals: [[V128, 0, 0xfd, 12, ...Array.from({ length: 16 }, () => 0), END]] }],
    ["several memories", [], { memories: [ONE_PAGE, ONE_PAGE] }],
    ["memory that grows", [0x41, 1, 0x40, 0, 0x1a]],
    ["tables that change", [0x41, 0, 0xd0, FUNCREF, 0x26, 0], { tables: [[FUNCREF, 0, 1]] }],
    ["segments that stay", [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 8, 0, 0], { dataCount: 1, data: [[1, 0]] }],
  ];
  for (const [name, instructions, parts] of cases) test(name, () => assert.deepEqual(obstaclesOf(instructions, parts), []));
});
