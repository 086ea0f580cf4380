import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fail, ok, type Result } from "../../../base/result.ts";
import { ImageKeeper } from "./image-keeper.ts";
import { ImageStore, type Made } from "./image-store.ts";

const KEY = "0123456789abcdef0123456789abcdef";
const base = mkdtempSync(join(tmpdir(), "pl-keeper-"));
after(() => rmSync(base, { recursive: true, force: true }));

type Build = (dir: string, signal: AbortSignal) => Promise<Result<Made<string>, string>>;

const good: Build = async (dir) => {
  writeFileSync(join(dir, "core.img"), "core");
  return ok({ details: "good", sources: [] });
};

function keeping(build: Build = good, folder = mkdtempSync(join(base, "f-"))) {
  const state = { builds: 0, notes: [] as string[], folder };
  const counted: Build = (dir, signal) => {
    state.builds++;
    return build(dir, signal);
  };
  const parts = { store: new ImageStore<string>(folder), key: KEY, build: counted, note: (text: string) => void state.notes.push(text) };
  return { keeper: new ImageKeeper(parts), state };
}

async function lackOf(keeper: ImageKeeper<string>): Promise<string> {
  const image = await keeper.image();
  return image.ok ? "" : image.failure;
}

test("an image is made once, in the background, and there for the next process", async () => {
  const { keeper, state } = keeping();
  assert.match(await lackOf(keeper), /made when an instance has been started without one/);
  keeper.makeSoon();
  keeper.makeSoon();
  assert.equal(await lackOf(keeper), "its image is being made");
  await keeper.settled();
  assert.equal(await lackOf(keeper), "");
  keeper.makeSoon();
  assert.equal(state.builds, 1);
  assert.equal(await lackOf(keeping(good, state.folder).keeper), "");
});

test("one that can't be made says why at every start, and is not tried at each", async () => {
  const { keeper, state } = keeping(async () => fail("CRIU can't dump it: External socket is used"));
  keeper.makeSoon();
  await keeper.settled();
  for (let start = 0; start < 3; start++) {
    assert.equal(await lackOf(keeper), "no image could be made: CRIU can't dump it: External socket is used");
    keeper.makeSoon();
  }
  assert.equal(state.builds, 1);
  assert.deepEqual(state.notes, [
    "no image could be made: CRIU can't dump it: External socket is used; it is tried again in 30s at the earliest",
  ]);
});

test("one that turned out to be of no use is dropped, and why is said", async () => {
  const { keeper, state } = keeping();
  keeper.makeSoon();
  await keeper.settled();
  const image = await keeper.image();
  assert.ok(image.ok);
  keeper.refuse(image.value, "CRIU can't restore it: no");
  assert.equal(await lackOf(keeper), "CRIU can't restore it: no");
  assert.deepEqual(readdirSync(state.folder), []);
});

test("one that somebody has changed is looked at again, and not used", async () => {
  const { keeper, state } = keeping();
  keeper.makeSoon();
  await keeper.settled();
  writeFileSync(join(state.folder, KEY, "core.img"), "c0re");
  assert.match(await lackOf(keeper), /core.img is not what was written; another is made/);
  keeper.makeSoon();
  await keeper.settled();
  assert.equal(await lackOf(keeper), "");
});

test("what another process makes is waited for, and used", async () => {
  const { keeper, state } = keeping();
  const other = keeping(good, state.folder);
  const { promise, resolve } = Promise.withResolvers<void>();
  const slow = new ImageStore<string>(state.folder).make(KEY, async (dir) => {
    await promise;
    return good(dir, new AbortController().signal);
  });
  assert.match(await lackOf(other.keeper), /another process of this server is making its image/);
  other.keeper.makeSoon();
  assert.equal(other.state.builds, 0);
  resolve();
  assert.ok((await slow).ok);
  assert.equal(await lackOf(other.keeper), "");
  assert.equal(await lackOf(keeper), "");
});

test("closed, it gives up what it makes and begins nothing", async () => {
  const { keeper, state } = keeping(
    (_dir, signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(fail("given up")))),
  );
  keeper.makeSoon();
  const settled = keeper.settled();
  keeper.close();
  await settled;
  keeper.makeSoon();
  assert.equal(state.builds, 1);
  assert.deepEqual(state.notes, []);
  assert.deepEqual(readdirSync(state.folder), []);
});
