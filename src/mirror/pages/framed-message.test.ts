import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../test/support/properties.ts";
import { messageHead, readMessage } from "./framed-message.ts";

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const sizesOf = ({ sizes }: { sizes: number[] }) => sizes;

test("a message is read back as it was sent, however the pipe cuts it", async () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(bodies, fc.integer({ min: 1, max: 80 }), async (sent, size) => {
      const head = { sizes: sent.map(({ length }) => length), text: "é" };
      const read = await readMessage(cut(Buffer.concat([messageHead(head), ...sent]), size), sizesOf);
      assert.deepEqual(read?.head, head);
      assert.deepEqual(
        read.bodies.map((body) => [...body]),
        sent.map((body) => [...body]),
      );
    }),
  );
});

test("a message that breaks off anywhere is none", async () => {
  const whole = Buffer.concat([messageHead({ sizes: [5] }), Buffer.from("12345")]);
  for (let length = 0; length < whole.length; length++) {
    assert.equal(await readMessage(cut(whole.subarray(0, length), 7), sizesOf), null, `${length} bytes`);
  }
});

test("a head of 4 GB isn't waited for", async () => {
  assert.equal(await readMessage(cut(Buffer.alloc(100, 0xff), 100), sizesOf), null);
});
