import assert from "node:assert/strict";
import { test } from "node:test";
import { fail, ok, type Result } from "../base/result.ts";
import { Builder } from "./builder.ts";
import type { BundleRef, FunctionSpec } from "./function-spec.ts";

const spec = { id: "a", file: "" } as FunctionSpec;
const bundle = { hash: "built" } as BundleRef;

/** A builder that ends its builds one after the other like this. */
function builderOf(...ends: (Result<BundleRef> | Error)[]): Builder {
  const next = async (): Promise<Result<BundleRef>> => {
    const end = ends.shift()!;
    if (end instanceof Error) throw end;
    return end;
  };
  return new Builder({ build: next, check: next });
}

test("what is wrong with the code is remembered until a reload", async () => {
  const builder = builderOf(fail({ code: "SYNTAX_ERROR", message: "no" }), ok(bundle));
  for (let call = 0; call < 3; call++) assert.equal((await builder.request(spec)).failure?.code, "SYNTAX_ERROR");
  builder.reset();
  assert.equal((await builder.request(spec)).bundle, bundle);
});

test("what a check finds is remembered as if a call had met it, and what is sound is not built by it", async () => {
  const builder = builderOf(fail({ code: "INVALID_MODULE", message: "no" }), ok(bundle), ok(bundle));
  assert.equal((await builder.check(spec))?.code, "INVALID_MODULE");
  assert.equal(builder.failureOf("a")?.code, "INVALID_MODULE");
  assert.equal((await builder.request(spec)).failure?.code, "INVALID_MODULE");
  builder.reset();
  assert.equal(await builder.check(spec), null);
  assert.equal((await builder.request(spec)).bundle, bundle);
});

test("what went wrong around it is not: the next call tries again", async () => {
  const builder = builderOf(new Error("ENOSPC: no space left on device"), ok(bundle));
  const { failure } = await builder.request(spec);
  assert.match(`${failure?.code} ${failure?.message}`, /BUILD_FAILED Cannot build a: ENOSPC/);
  assert.equal(builder.failureOf("a"), null);
  assert.equal((await builder.request(spec)).bundle, bundle);
});
