import assert from "node:assert/strict";
import { test } from "node:test";
import { MEDIUM_AT_ONCE, MEDIUM_MAX_BYTES, PageRoom, SMALL_MAX_BYTES } from "./page-room.ts";

test("small pages wait for nobody, however many there are", () => {
  const room = new PageRoom();
  for (let count = 0; count < 1_000; count++) assert.equal(room.enter().grow(SMALL_MAX_BYTES), null);
});

test("of larger pages a few are in hand at once, of the largest one, and the next comes when it has left", async () => {
  const room = new PageRoom();
  const pages = Array.from({ length: MEDIUM_AT_ONCE + 1 }, () => room.enter());
  const came: number[] = [];
  pages.forEach((page, place) => void page.grow(MEDIUM_MAX_BYTES)?.then(() => came.push(place)));
  await turn();
  assert.deepEqual(came, [0, 1, 2, 3, 4, 5, 6, 7]);
  const large: number[] = [];
  for (const place of [0, 1]) void pages[place]!.grow(MEDIUM_MAX_BYTES + 1)?.then(() => large.push(place));
  await turn();
  assert.deepEqual(large, [0]);
  assert.equal(pages[0]!.grow(2 * MEDIUM_MAX_BYTES), null);
  pages[0]!.leave();
  await turn();
  assert.deepEqual(large, [0, 1]);
  assert.deepEqual(came, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test("a page that comes in one large piece takes both places, and leaves both", async () => {
  const room = new PageRoom();
  for (let count = 0; count < 2 * MEDIUM_AT_ONCE; count++) {
    const page = room.enter();
    await page.grow(MEDIUM_MAX_BYTES + 1);
    page.leave();
  }
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
