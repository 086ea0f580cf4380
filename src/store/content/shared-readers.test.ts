import assert from "node:assert/strict";
import { test } from "node:test";
import { ok, type Result } from "../../base/result.ts";
import type { StoreFault } from "../store-fault.ts";
import type { ContentReader } from "./content-store.ts";
import { SharedReaders } from "./shared-readers.ts";

/** A file that counts how often it is opened and closed. */
function fakeFile(fd: number | null = 7): { opened: number; closed: number; open(): Promise<Result<ContentReader, StoreFault>> } {
  const file = {
    opened: 0,
    closed: 0,
    async open(): Promise<Result<ContentReader, StoreFault>> {
      file.opened++;
      let isClosed = false;
      return ok({
        sizeBytes: 2,
        fd,
        async *stream() {
          assert.equal(isClosed, false, "read after it was closed");
          yield new Uint8Array([1]);
          yield new Uint8Array([2]);
        },
        async close() {
          assert.equal(isClosed, false, "closed twice");
          isClosed = true;
          file.closed++;
        },
      });
    },
  };
  return file;
}

async function leased(readers: SharedReaders, place: string, file: ReturnType<typeof fakeFile>): Promise<ContentReader> {
  const result = await readers.lease(place, file.open);
  assert.ok(result.ok && result.value !== null);
  return result.value;
}

test("a file is opened once for all who read it, and for who comes soon after", async () => {
  const readers = new SharedReaders();
  const file = fakeFile();
  const one = await leased(readers, "a", file);
  const other = await leased(readers, "a", file);
  await one.close();
  await one.close();
  await other.close();
  await (await leased(readers, "a", file)).close();
  assert.deepEqual([file.opened, file.closed], [1, 0]);
  readers.close();
  assert.equal(file.closed, 1);
});

test("those who begin at the same time share or don't, and each file is closed once", async () => {
  const readers = new SharedReaders();
  const file = fakeFile();
  const all = await Promise.all(Array.from({ length: 5 }, () => leased(readers, "a", file)));
  for (const reader of all) await reader.close();
  readers.close();
  assert.equal(file.opened, file.closed);
});

test("what is dropped is closed with its last reader, and opened anew by the next", async () => {
  const readers = new SharedReaders();
  const file = fakeFile();
  const one = await leased(readers, "a", file);
  readers.drop("a");
  assert.equal(file.closed, 0);
  const other = await leased(readers, "a", file);
  assert.equal(file.opened, 2);
  await one.close();
  assert.equal(file.closed, 1);
  await other.close();
  readers.drop("a");
  assert.equal(file.closed, 2);
});

test("what is dropped while it is being opened is not kept open", async () => {
  const readers = new SharedReaders();
  const file = fakeFile();
  const opening = leased(readers, "a", file);
  readers.drop("a");
  await (await opening).close();
  assert.deepEqual([file.opened, file.closed], [1, 1]);
});

test("no more than some stay open while nobody reads them: the longest idle goes", async () => {
  const readers = new SharedReaders();
  const files = Array.from({ length: 70 }, () => fakeFile());
  for (const [index, file] of files.entries()) await (await leased(readers, `${index}`, file)).close();
  assert.deepEqual(
    files.map(({ closed }) => closed),
    [...Array(6).fill(1), ...Array(64).fill(0)],
  );
  readers.close();
});

test("a reader that was closed reads no more, though the file is open for others", async () => {
  const readers = new SharedReaders();
  const file = fakeFile();
  const one = await leased(readers, "a", file);
  const stream = one.stream(0, 2)[Symbol.asyncIterator]();
  assert.deepEqual((await stream.next()).value, new Uint8Array([1]));
  await one.close();
  await assert.rejects(stream.next(), /it was closed/);
});

test("what has no descriptor is not shared", async () => {
  const readers = new SharedReaders();
  const file = fakeFile(null);
  await (await leased(readers, "a", file)).close();
  await (await leased(readers, "a", file)).close();
  assert.deepEqual([file.opened, file.closed], [2, 2]);
});
