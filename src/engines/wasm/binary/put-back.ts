/**
 * Put back: can an instance be made as new by restoring its memories, mutable
 * globals and tables (guest/wasi/image.ts)? Names what stands in the way, for
 * people. What is missing from this list would carry state from one request to the
 * next, so whatever we don't know is an obstacle.
 */
import type { Feature, FeatureName } from "./features.ts";
import type { GlobalFacts, ModuleFacts } from "./module-facts.ts";

const OBSTACLES: Partial<Readonly<Record<FeatureName, string>>> = {
  "data.drop": "it uses data.drop, and a dropped data segment is gone for good",
  "elem.drop": "it uses elem.drop, and a dropped element segment is gone for good",
  "shared memory": "it uses shared memory, which another thread may be writing",
  exceptions: "it uses exceptions, whose values can't be read from outside",
  GC: "it uses GC types, whose objects can't be read from outside",
  // Their sizes are BigInt in JavaScript; no WASI preview 1 program has any, so the image stays simple.
  memory64: "it uses memory64, which the image doesn't know",
};

/** Memories, globals and tables to put back: each costs time in every request, and programs have three or ten. */
export const STATE_PARTS_MAX = 1000;

export function putBackObstacles(facts: ModuleFacts): string[] {
  const count = statePartCount(facts);
  const tooMany =
    count > STATE_PARTS_MAX
      ? [`it has ${count} memories, globals and tables that change, and at most ${STATE_PARTS_MAX} are put back`]
      : [];
  return [...facts.features.flatMap(ofFeature), ...tooMany, ...unreadableGlobals(facts.globals)];
}

export function statePartCount({ memories, globals, tables, features }: ModuleFacts): number {
  const mutableCount = globals.reduce((sum, { isMutable }) => sum + Number(isMutable), 0);
  return memories.length + mutableCount + (features.includes("table mutation") ? tables.length : 0);
}

function ofFeature(feature: Feature): string[] {
  if (feature.startsWith("unknown ")) return [`it uses the instruction ${feature.slice("unknown ".length)}, which is not known here`];
  const obstacle = OBSTACLES[feature as FeatureName];
  return obstacle === undefined ? [] : [obstacle];
}

/**
 * JavaScript can neither read nor write a v128. Numbers go through it whole,
 * but for the payload of a NaN, which it may change: what a module keeps there before
 * its first request may be lost (no compiler keeps anything there), yet nothing of
 * a request survives, and that is what matters. References come out as objects
 * that go in again; those of exceptions and GC types are obstacles already.
 */
function unreadableGlobals(globals: readonly GlobalFacts[]): string[] {
  const index = globals.findIndex(({ type, isMutable }) => isMutable && type === "v128");
  return index === -1 ? [] : [`its global ${index} is mutable and of type v128, which JavaScript can't read`];
}
