import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { fail, ok } from "../../base/result.ts";
import type { ContentStore, StoredContent } from "../../store/content/content-store.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import type { Artifact } from "../artifact.ts";
import { UpstreamError } from "../upstream/upstream.ts";
import { JUDGED_AFTER_MS } from "./fill-pace.ts";
import { Transfer, type TransferParts, WITHHELD_BYTES } from "./transfer.ts";
import type { DownloadEvent, DownloadStart } from "./transfer-source.ts";
import { Transfers } from "./transfers.ts";

const SIZE = 4 * WITHHELD_BYTES;
const content = Buffer.alloc(SIZE, "wheel ");
const SHA256 = createHash("sha256").update(content).digest("hex");

/** Upstream as the test moves it: each event is taken before the next is given. */
class ScriptedDownload {
  readonly #events: (DownloadEvent | Error | null)[] = [];
  #wake: (() => void) | null = null;

  give(...events: (DownloadEvent | Error | null)[]): void {
    this.#events.push(...events);
    this.#wake?.();
  }

  async *events(): AsyncIterable<DownloadEvent> {
    for (;;) {
      while (this.#events.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
      const event = this.#events.shift() as DownloadEvent | Error | null;
      if (event === null) return;
      if (event instanceof Error) throw event;
      yield event;
    }
  }
}

interface World extends TransferParts {
  readonly folder: string;
  readonly clock: { nowMs: number };
  /** Where each download began. */
  readonly froms: (DownloadStart | null)[];
  readonly committed: StoredContent[];
  readonly upstream: ScriptedDownload;
}

function world(context: TestContext, refuse: StoreFault | null = null): World {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-transfer-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const committed: StoredContent[] = [];
  const upstream = new ScriptedDownload();
  let count = 0;
  const store = {
    async begin() {
      if (refuse !== null) return fail(refuse);
      const path = join(folder, `partial-${count++}`);
      return ok({ path, discard: () => rm(path, { force: true }) });
    },
    async commit(_partial: unknown, stored: StoredContent) {
      committed.push(stored);
      return ok(undefined);
    },
  } as unknown as ContentStore;
  const clock = { nowMs: 0 };
  const froms: World["froms"] = [];
  return {
    folder,
    committed,
    upstream,
    store,
    clock,
    froms,
    download(_artifact, from) {
      froms.push(from);
      return upstream.events();
    },
    onVerified: () => {},
    onNotKept: () => {},
    onGivenUp: () => {},
    nowMs: () => clock.nowMs,
  };
}

function artifact(change: Partial<Artifact> = {}): Artifact {
  return {
    kind: "file",
    project: "six",
    filename: "six-1.whl",
    source: { kind: "index", index: "index-1", url: "http://index.example/six-1.whl" },
    hashes: { sha256: SHA256 },
    sizeBytes: null,
    ...change,
  };
}

function chunk(start: number, end: number): DownloadEvent {
  return { kind: "chunk", offsetBytes: start, bytes: content.subarray(start, end) };
}

async function releasedUpTo(transfer: Transfer, bytes: number): Promise<void> {
  while (transfer.releasedBytes < bytes && transfer.failure === null) await transfer.changed();
  assert.equal(transfer.releasedBytes, bytes);
}

test("all but the last block is released as it arrives, and the rest when the hash is right", async (context) => {
  const parts = world(context);
  const transfer = new Transfer(artifact(), parts);
  parts.upstream.give({ kind: "size", totalBytes: SIZE }, chunk(0, SIZE / 2));
  await releasedUpTo(transfer, SIZE / 2);
  parts.upstream.give(chunk(SIZE / 2, SIZE));
  await releasedUpTo(transfer, SIZE - WITHHELD_BYTES);
  assert.equal(transfer.content, null);
  parts.upstream.give(null);
  await transfer.ended;
  assert.equal(transfer.releasedBytes, SIZE);
  assert.deepEqual(parts.committed, [{ sha256: SHA256, sizeBytes: SIZE }]);
});

test("content with another hash is a failure that names both, and nothing is kept", async (context) => {
  const parts = world(context);
  const wrong = "0".repeat(64);
  const transfer = new Transfer(artifact({ hashes: { sha256: wrong } }), parts);
  parts.upstream.give({ kind: "size", totalBytes: SIZE }, chunk(0, SIZE), null);
  await transfer.ended;
  assert.deepEqual(transfer.failure, {
    code: "UPSTREAM_DIGEST_MISMATCH",
    url: "http://index.example/six-1.whl",
    algorithm: "sha256",
    wanted: wrong,
    got: SHA256,
  });
  assert.ok(transfer.releasedBytes <= SIZE - WITHHELD_BYTES);
  assert.deepEqual(parts.committed, []);
  assert.deepEqual(readdirSync(parts.folder), []);
});

test("content of another size than the index promised is refused even where no hash was promised", async (context) => {
  const parts = world(context);
  const transfer = new Transfer(artifact({ hashes: {}, sizeBytes: SIZE + 1 }), parts);
  parts.upstream.give(chunk(0, SIZE), null);
  await transfer.ended;
  assert.equal(transfer.failure?.code, "UPSTREAM_SIZE_MISMATCH");
});

test("a transfer that breaks off fails with upstream's reason and leaves no file", async (context) => {
  const parts = world(context);
  const transfer = new Transfer(artifact(), parts);
  const failure = { code: "UPSTREAM_TRUNCATED", url: "http://index.example/six-1.whl", gotBytes: 7, wantedBytes: SIZE } as const;
  parts.upstream.give(chunk(0, SIZE / 2), new UpstreamError(failure));
  await transfer.ended;
  assert.deepEqual(transfer.failure, failure);
  assert.deepEqual(readdirSync(parts.folder), []);
});

test("parts that come in any order are verified as one", async (context) => {
  const parts = world(context);
  const transfer = new Transfer(artifact(), parts);
  const third = Math.floor(SIZE / 3);
  parts.upstream.give({ kind: "size", totalBytes: SIZE }, chunk(2 * third, SIZE), chunk(0, third), chunk(third, 2 * third), null);
  await transfer.ended;
  assert.equal(transfer.failure, null);
  assert.equal(transfer.content?.sha256, SHA256);
});

test("upstream may begin anew while nobody has been given a byte, and not after", async (context) => {
  const parts = world(context);
  const anew = new Transfer(artifact(), parts);
  parts.upstream.give(chunk(100, 200), { kind: "restart" }, chunk(0, SIZE), null);
  await anew.ended;
  assert.equal(anew.content?.sha256, SHA256);

  const others = world(context);
  const handedOut = new Transfer(artifact(), others);
  others.upstream.give({ kind: "size", totalBytes: SIZE }, chunk(0, SIZE / 2));
  await releasedUpTo(handedOut, SIZE / 2);
  const held = handedOut.hold();
  others.upstream.give({ kind: "restart" }, chunk(0, SIZE), null);
  await handedOut.ended;
  held?.release();
  assert.equal(handedOut.failure?.code, "UPSTREAM_TRUNCATED");
});

test("an empty file is content, too", async (context) => {
  const parts = world(context);
  const transfer = new Transfer(artifact({ hashes: {} }), parts);
  parts.upstream.give({ kind: "size", totalBytes: 0 }, null);
  await transfer.ended;
  assert.equal(transfer.content?.sizeBytes, 0);
});

test("a store that takes nothing is the failure, and upstream is not asked", async (context) => {
  const fault: StoreFault = { code: "STORAGE_FULL", message: "Cannot make a file: the disk is full" };
  const transfer = new Transfer(artifact(), world(context, fault));
  await transfer.ended;
  assert.deepEqual(transfer.failure, fault);
});

test("whoever asks for the same content joins, and a bounded number of transfers runs at once", async (context) => {
  const worlds = new Map<string, World>();
  const transfers = new Transfers((wanted) => {
    const made = world(context);
    worlds.set(wanted.filename, made);
    return made;
  }, 1);
  const one = transfers.join(artifact({ filename: "one" }));
  assert.equal(transfers.join(artifact({ filename: "the same" })), one);
  const other = transfers.join(artifact({ filename: "other", hashes: {} }));
  assert.deepEqual(readdirSync((worlds.get("other") as World).folder), []);
  assert.equal(transfers.openCount, 2);
  (worlds.get("other") as World).upstream.give(chunk(0, SIZE), null);
  (worlds.get("one") as World).upstream.give(chunk(0, SIZE / 2));
  await releasedUpTo(one, SIZE / 2 - WITHHELD_BYTES);
  assert.equal(other.releasedBytes, 0, "it waits in line");
  (worlds.get("one") as World).upstream.give(chunk(SIZE / 2, SIZE), null);
  await transfers.settled();
  assert.equal(one.content?.sizeBytes, SIZE);
  assert.equal(other.content?.sizeBytes, SIZE);
  assert.equal(transfers.openCount, 0);
});

/** Half of the file comes, and after a long while a byte. */
async function trickle(parts: World, transfer: Transfer): Promise<void> {
  parts.upstream.give({ kind: "size", totalBytes: SIZE }, chunk(0, SIZE / 2));
  await releasedUpTo(transfer, SIZE / 2);
  parts.clock.nowMs += 100 * JUDGED_AFTER_MS;
  parts.upstream.give(chunk(SIZE / 2, SIZE / 2 + 1));
}

test("a trickle that nobody waits for is given up, and the next who wants the file has the rest fetched", async (context) => {
  const parts = world(context);
  const transfers = new Transfers(() => parts, 1);
  const first = transfers.join(artifact());
  first.leave();
  await trickle(parts, first);
  await first.ended;
  assert.equal(first.failure?.code, "UPSTREAM_TRUNCATED");
  assert.equal(transfers.find(artifact()), undefined);
  assert.equal(readdirSync(parts.folder).length, 1, "its part is left");
  const second = transfers.join(artifact());
  await releasedUpTo(second, SIZE / 2 + 1);
  parts.upstream.give(chunk(SIZE / 2 + 1, SIZE), null);
  await second.ended;
  assert.deepEqual(parts.froms, [null, { nextBytes: SIZE / 2 + 1, totalBytes: SIZE }]);
  assert.deepEqual(parts.committed, [{ sha256: SHA256, sizeBytes: SIZE }]);
});

test("a trickle that somebody waits for goes on, and is judged from when the last one leaves", async (context) => {
  const parts = world(context);
  const transfers = new Transfers(() => parts, 1);
  const transfer = transfers.join(artifact());
  assert.equal(transfers.join(artifact()), transfer);
  transfer.leave();
  await trickle(parts, transfer);
  await releasedUpTo(transfer, SIZE / 2 + 1);
  transfer.leave();
  parts.clock.nowMs += JUDGED_AFTER_MS - 1;
  parts.upstream.give(chunk(SIZE / 2 + 1, SIZE / 2 + 2));
  await releasedUpTo(transfer, SIZE / 2 + 2);
  parts.clock.nowMs += 1;
  parts.upstream.give(chunk(SIZE / 2 + 2, SIZE / 2 + 3));
  await transfer.ended;
  assert.equal(transfer.isGivenUp, true);
  await transfers.settled();
  assert.deepEqual(readdirSync(parts.folder), [], "nothing is left of it at the end");
});

test("whoever comes as a transfer is given up waits for the next, which has its part", async (context) => {
  const parts = world(context);
  const later: Transfer[] = [];
  const onGivenUp = (): void => {
    later.push(transfers.join(artifact()));
  };
  const transfers = new Transfers(() => ({ ...parts, onGivenUp }), 1);
  const first = transfers.join(artifact());
  first.leave();
  await trickle(parts, first);
  await first.ended;
  assert.equal(later.length, 1);
  assert.notEqual(later[0], first);
  assert.equal(transfers.find(artifact()), later[0]);
  parts.upstream.give(chunk(SIZE / 2 + 1, SIZE), null);
  await later[0]!.ended;
  assert.equal(later[0]!.content?.sha256, SHA256);
  assert.equal(transfers.openCount, 0);
});

test("of parts that came out of order only what has no gap before it is left", async (context) => {
  const parts = world(context);
  const transfers = new Transfers(() => parts, 1);
  const first = transfers.join(artifact());
  first.leave();
  parts.upstream.give({ kind: "size", totalBytes: SIZE }, chunk(0, 1_000));
  await releasedUpTo(first, 1_000);
  parts.clock.nowMs += 100 * JUDGED_AFTER_MS;
  parts.upstream.give(chunk(SIZE / 2, SIZE));
  await first.ended;
  const second = transfers.join(artifact());
  parts.upstream.give(chunk(1_000, SIZE), null);
  await second.ended;
  assert.deepEqual(parts.froms[1], { nextBytes: 1_000, totalBytes: SIZE });
  assert.equal(second.content?.sha256, SHA256);
});

test("what is left and wrong is told by the hash, and the one after that begins anew", async (context) => {
  const parts = world(context);
  const transfers = new Transfers(() => parts, 1);
  const first = transfers.join(artifact());
  first.leave();
  await trickle(parts, first);
  await first.ended;
  const second = transfers.join(artifact());
  parts.upstream.give({ kind: "chunk", offsetBytes: SIZE / 2 + 1, bytes: Buffer.alloc(SIZE / 2 - 1) }, null);
  await second.ended;
  assert.equal(second.failure?.code, "UPSTREAM_DIGEST_MISMATCH");
  const third = transfers.join(artifact());
  parts.upstream.give(chunk(0, SIZE), null);
  await third.ended;
  assert.equal(parts.froms[2], null);
  assert.equal(third.content?.sha256, SHA256);
});

test("without a promised hash nothing is left: nobody could tell what the rest would be joined to", async (context) => {
  const parts = world(context);
  const transfers = new Transfers(() => parts, 1);
  const hashless = artifact({ hashes: {} });
  const first = transfers.join(hashless);
  first.leave();
  await trickle(parts, first);
  await first.ended;
  assert.deepEqual(readdirSync(parts.folder), []);
  const second = transfers.join(hashless);
  parts.upstream.give(chunk(0, SIZE), null);
  await second.ended;
  assert.deepEqual(parts.froms, [null, null]);
  assert.equal(second.content?.sha256, SHA256);
});

test("a full disk takes what is left of others", async (context) => {
  const parts = world(context);
  const fault: StoreFault = { code: "STORAGE_FULL", message: "Cannot make a file: the disk is full" };
  const full = world(context, fault);
  const transfers = new Transfers(({ filename }) => (filename === "other" ? full : parts), 1);
  const first = transfers.join(artifact());
  first.leave();
  await trickle(parts, first);
  await first.ended;
  assert.equal(readdirSync(parts.folder).length, 1);
  await transfers.join(artifact({ filename: "other", sizeBytes: SIZE })).ended;
  const again = transfers.join(artifact());
  parts.upstream.give(chunk(0, SIZE), null);
  await again.ended;
  assert.deepEqual(parts.froms, [null, null]);
});
