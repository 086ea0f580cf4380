import assert from "node:assert/strict";
import { test } from "node:test";
import { CODEC_MEMORY_MAX_BYTES, reserveCodec } from "../../../host/outbound/codec-budget.ts";
import type { Handle } from "../../../host/outbound/handle.ts";
import { closeHandle, HANDLES_MAX, openHandle, useHandle } from "./handles.ts";
import type { OpContext } from "./op.ts";

class Counted implements Handle {
  closeCount = 0;
  close(): void {
    this.closeCount++;
  }
}
class Other implements Handle {
  close(): void {}
}

function sandbox(): { context: OpContext; close: () => void } {
  const closing = new AbortController();
  return {
    context: {
      functionId: "f",
      allow: {},
      signal: closing.signal,
      state: new Map(),
      capabilities: async () => null,
      log: () => {},
      traceparent: () => null,
    },
    close: () => closing.abort(),
  };
}

test("a handle opens only as what it is, in its own sandbox, while it is open", () => {
  const { context } = sandbox();
  const handle = new Counted();
  const id = openHandle(context, handle);
  assert.equal(useHandle(context, id, Counted), handle);
  assert.throws(() => useHandle(context, id, Other), /closed or was never open/);
  assert.throws(() => useHandle(sandbox().context, id, Counted), /closed or was never open/);
  assert.throws(() => useHandle(context, String(id), Counted), /closed or was never open/);
  closeHandle(context, id);
  closeHandle(context, id);
  assert.equal(handle.closeCount, 1);
  assert.throws(() => useHandle(context, id, Counted), /closed or was never open/);
});

test("the number of open handles is bounded, and closing one makes room", () => {
  const { context } = sandbox();
  const ids = Array.from({ length: HANDLES_MAX }, () => openHandle(context, new Counted()));
  assert.throws(() => openHandle(context, new Counted()), /read bodies to their end or cancel them/);
  closeHandle(context, ids[0]);
  openHandle(context, new Counted());
});

test("a sandbox that closes closes what it left open, and opens nothing more", () => {
  const { context, close } = sandbox();
  const handles = [new Counted(), new Counted()];
  for (const handle of handles) openHandle(context, handle);
  close();
  assert.deepEqual(
    handles.map(({ closeCount }) => closeCount),
    [1, 1],
  );
  assert.equal(context.state.size, 0);
  assert.throws(() => openHandle(context, new Counted()), /closing/);
});

test("open codecs are bounded by the memory they may take, and give it back once", () => {
  const { context } = sandbox();
  const releases: (() => void)[] = [];
  assert.throws(() => {
    for (;;) releases.push(reserveCodec(context, "decompress", "brotli"));
  }, /Too many compression streams/);
  assert.ok(releases.length >= 4 && releases.length * 16 * 1024 * 1024 <= CODEC_MEMORY_MAX_BYTES);
  releases[0]!();
  releases[0]!();
  reserveCodec(context, "decompress", "brotli");
  assert.throws(() => reserveCodec(context, "decompress", "brotli"), /Too many/);
});
