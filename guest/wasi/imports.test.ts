/** Waiting by poll_oneoff: pointers before time, and time however long. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FileGuest } from "../../test/support/file-guest.ts";
import { CLOCK, ERRNO, EVENTTYPE, SUBSCRIPTION_BYTES } from "./abi.ts";

const INPUT_AT = 1_024;
const OUTPUT_AT = 2_048;
const STORED_AT = 512;
const OUTSIDE = 0xffff_fff0;
const HOUR_NS = 3_600_000_000_000n;
const US_PER_NS = 1_000n;

/** A guest that asked for one wake-up in so many nanoseconds, and the sleeps that it was given. */
function sleeper(ns: bigint): { guest: FileGuest; sleptUs: number[] } {
  const guest = new FileGuest([]);
  const sleptUs: number[] = [];
  guest.guest.sleep = (us) => void sleptUs.push(us);
  guest.guest.nowNs = () => 0n;
  const { view } = guest;
  for (let at = INPUT_AT; at < INPUT_AT + SUBSCRIPTION_BYTES; at++) view.setUint8(at, 0);
  view.setUint8(INPUT_AT + 8, EVENTTYPE.clock);
  view.setUint32(INPUT_AT + 16, CLOCK.monotonic, true);
  view.setBigUint64(INPUT_AT + 24, ns, true);
  return { guest, sleptUs };
}

test("nobody sleeps before it is known that the outcome can be stored", () => {
  const { guest, sleptUs } = sleeper(HOUR_NS);
  assert.equal(guest.call("poll_oneoff", INPUT_AT, OUTPUT_AT, 1, OUTSIDE), ERRNO.fault);
  assert.equal(guest.call("poll_oneoff", INPUT_AT, OUTSIDE, 1, STORED_AT), ERRNO.fault);
  assert.deepEqual(sleptUs, []);
});

test("a long sleep is slept to its end", () => {
  const { guest, sleptUs } = sleeper(10n * HOUR_NS);
  assert.equal(guest.call("poll_oneoff", INPUT_AT, OUTPUT_AT, 1, STORED_AT), ERRNO.success);
  assert.equal(
    sleptUs.reduce((sum, us) => sum + us, 0),
    Number((10n * HOUR_NS) / US_PER_NS),
  );
  assert.ok(Math.max(...sleptUs) <= 2 ** 31);
  assert.equal(guest.view.getUint32(STORED_AT, true), 1);
});
