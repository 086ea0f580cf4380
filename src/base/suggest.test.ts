import assert from "node:assert/strict";
import { test } from "node:test";
import { didYouMean, nearest } from "./suggest.ts";

const FLAGS = ["port", "host", "pool", "workers", "timeout"];

test("a typing error finds the word that was meant", () => {
  assert.equal(nearest("prot", FLAGS), "port");
  assert.equal(nearest("worker", FLAGS), "workers");
  assert.equal(nearest("TIMEOUT", FLAGS), "timeout");
});

test("a word that is near to nothing gets no suggestion", () => {
  assert.equal(nearest("verbose", FLAGS), null);
  assert.equal(didYouMean("x", []), "");
});
