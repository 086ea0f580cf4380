import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeCall } from "../../../../test/support/fake-exchange.ts";
import { withWholeBody } from "./whole-body-call.ts";

test("a call whose body came in parts is the same call with all of it", async () => {
  const { call, answer } = fakeCall({ method: "POST", body: "a long letter", chunkBytes: 3, params: { id: "7" } });
  const whole = await withWholeBody(call);
  const { exchange } = whole;
  assert.deepEqual([exchange.method, exchange.body.complete, whole.params, whole.requestId], ["POST", true, { id: "7" }, "probe"]);
  assert.equal(Buffer.from(exchange.body.whole!).toString(), "a long letter");
  let isTold = false;
  exchange.onAbort = () => {
    isTold = true;
  };
  call.exchange.onAbort!();
  assert.equal(isTold, true, "what is set on the one is set on the other");
  exchange.respond(201, "x-a: b\r\n", "thanks");
  assert.equal(call.exchange.answered, true);
  assert.equal(exchange.answered, true);
  assert.deepEqual([(await answer).status, (await answer).body.toString()], [201, "thanks"]);
});

test("a call whose body is all there is left as it is", async () => {
  for (const body of [null, "short"]) {
    const { call } = fakeCall({ body });
    assert.equal(await withWholeBody(call), call);
  }
});
