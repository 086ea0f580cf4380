/** A message link over a scripted wire, and its calls with what became of them. */
import assert from "node:assert/strict";
import { type FakeAnswer, type FakeCall, type FakeRequest, fakeCall } from "../../../../../test/support/fake-exchange.ts";
import type { CallFailure } from "../../../engine.ts";
import type { CallEnd, LinkedCall } from "../link.ts";
import { MessageLink } from "../message-link.ts";
import { ScriptedWire } from "./scripted-wire.ts";

export interface ScriptedCall extends Omit<FakeCall, "answer"> {
  readonly linked: LinkedCall;
  /** What was told of its end; more than one is a fault that fails the test. */
  readonly ends: CallEnd[];
  readonly ended: Promise<CallEnd>;
  readonly answer: Promise<FakeAnswer>;
}

export interface ScriptedLink {
  readonly link: MessageLink;
  readonly wire: ScriptedWire;
  readonly broken: string[];
  begin(request?: FakeRequest): ScriptedCall;
}

export const GIVEN_UP: CallFailure = { code: "CALL_TIMEOUT", message: "it took too long" };

export function scriptedLink(): ScriptedLink {
  const wire = new ScriptedWire();
  const link = new MessageLink("frames", wire, { functionId: "fn" });
  const broken: string[] = [];
  link.onBroken = (why) => broken.push(why);
  return {
    link,
    wire,
    broken,
    begin(request = {}) {
      const fake = fakeCall(request);
      const ends: CallEnd[] = [];
      const ended = Promise.withResolvers<CallEnd>();
      let hasBegun = false;
      const linked = link.begin(fake.call, (end) => {
        assert.ok(hasBegun, "the end was told within begin");
        assert.equal(ends.length, 0, "the end was told twice");
        ends.push(end);
        ended.resolve(end);
      });
      hasBegun = true;
      return { ...fake, linked, ends, ended: ended.promise };
    },
  };
}

/** Lets promises that are due have their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
