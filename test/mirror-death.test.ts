/** What becomes of files whose transfer ends before its time: by SIGKILL of the mirror, by clients that leave, by an index that breaks off. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, download, leaveAfter, PIP_ACCEPT } from "./support/mirror/ask.ts";
import type { Bench } from "./support/mirror/conformance.ts";
import { heavyWheel, wheel } from "./support/mirror/distributions.ts";
import { mirrorTest } from "./support/mirror/row-tests.ts";
import type { Mirror } from "./support/mirror/subject.ts";
import type { Published } from "./support/mirror/upstream-pages.ts";

const MIB = 1024 * 1024;
const KILL_COUNT = 50;
const VICTIM_BYTES = 3 * MIB;
const BYTES_PER_SECOND = 24 * MIB;
/** After the index has come to the point. */
const KILLED_WITHIN_MS = 20;
const FIXED_SEED = 480_211;

mirrorTest(
  `SIGKILL at ${KILL_COUNT} random points of a fill leaves nothing that is not whole, and the next client gets the exact file`,
  async (bench, t) => {
    const seed = Number(process.env["MIRROR_DEATH_SEED"] ?? FIXED_SEED);
    t.diagnostic(`seed ${seed}: MIRROR_DEATH_SEED=${seed} repeats it`);
    const random = generator(seed);
    const upstream = await bench.upstream();
    const settings = { indexUrl: upstream.indexUrl, cacheDir: bench.newFolder("cache") };
    const victims = Array.from({ length: KILL_COUNT }, (_, index) => upstream.publish(heavyWheel(`victim-${index}`, "1.0", VICTIM_BYTES)));
    const small = Array.from({ length: KILL_COUNT }, (_, index) => upstream.publish(wheel({ name: `small-${index}`, version: "1.0" })));
    let midwayCount = 0;
    const sound = new Set<string>();
    for (const [index, victim] of victims.entries()) {
      const when = `seed ${seed}, kill ${index}`;
      const mirror = await bench.mirror(settings);
      if (index > 0) await checkExact(bench, mirror, victims[index - 1]!, `${when}: the next client`);
      // Its page is there and the mirror is warm: what the kill meets is the transfer.
      await ask(mirror.page(victim.project), { headers: { accept: PIP_ACCEPT } });
      const point = random();
      // Every other index stops at the point, so that the kill can't miss it; the others go on, and some kills come while the file is put away.
      const isHeld = index % 2 === 0;
      const reachedBytes = Math.floor(Math.min(1, isHeld ? point : point * 1.5) * VICTIM_BYTES);
      upstream.faults.set(victim.path, isHeld ? { stallAfterBytes: reachedBytes } : { bytesPerSecond: BYTES_PER_SECOND });
      const clients = [victim, victim, small[index]!].map((file) => download(mirror.file(file.project, file.filename), file.bytes));
      await upstream.sent(victim.path, reachedBytes);
      await sleep(random() * KILLED_WITHIN_MS);
      await mirror.end("SIGKILL");
      for (const got of await Promise.all(clients)) {
        bench.check(got.isExact || !(got.status === 200 && got.isWhole), `${when}: a whole answer with wrong bytes`);
      }
      if (upstream.requestsOf(victim.path).some(({ sentBytes, isComplete }) => sentBytes > 0 && !isComplete)) midwayCount++;
      checkStored(bench, settings.cacheDir, when, sound);
      upstream.faults.delete(victim.path);
      if (bench.problems.length > 0) return;
    }
    t.diagnostic(`${midwayCount} of ${KILL_COUNT} kills came midway`);
    bench.check(midwayCount >= KILL_COUNT / 3, `only ${midwayCount} kills came midway: the others tell little`);
    const mirror = await bench.mirror(settings);
    for (const file of [...victims, ...small]) await checkExact(bench, mirror, file, "afterwards");
    await mirror.end("SIGTERM");
    const hashes = checkStored(bench, settings.cacheDir, "at the end", new Set());
    for (const { sha256, filename } of [...victims, ...small]) bench.check(hashes.has(sha256), `${filename} is not among what is stored`);
    const wanted = [...victims, ...small].reduce((sum, { bytes }) => sum + bytes.length, 0);
    const left = filesOf(settings.cacheDir).filter((path) => !isDatabase(path));
    const bytes = left.reduce((sum, path) => sum + statSync(path).size, 0);
    bench.check(bytes <= wanted + MIB, `${bytes} bytes are left of ${wanted}: dead transfers were not cleared away`);
  },
);

mirrorTest("a client that leaves stops nothing: the file is fetched once, to its end", async (bench) => {
  const upstream = await bench.upstream();
  const file = upstream.publish(heavyWheel("left-lib", "1.0", 4 * MIB));
  upstream.faults.set(file.path, { bytesPerSecond: 8 * MIB });
  const mirror = await bench.mirror({ indexUrl: upstream.indexUrl });
  bench.check(await leaveAfter(mirror.file("left-lib", file.filename), 300_000), "the client got too little to leave");
  await bench.eventually(() => upstream.requestsOf(file.path).every(({ endedAtMs }) => endedAtMs !== null), "the transfer does not end");
  bench.check(upstream.requestsOf(file.path)[0]?.isComplete === true, "the transfer was given up");
  bench.check((await download(mirror.file("left-lib", file.filename), file.bytes)).isExact, "the next client did not get the exact file");
  bench.same(upstream.count(file.path), 1, "requests to the index");
});

mirrorTest("a transfer that breaks off goes on from where it was, unseen by the client", async (bench) => {
  const upstream = await bench.upstream();
  const file = upstream.publish(heavyWheel("resumed-lib", "1.0", 4 * MIB));
  upstream.faults.set(file.path, { truncateAfterBytes: 3 * MIB, times: 1 });
  const mirror = await bench.mirror({ indexUrl: upstream.indexUrl });
  const got = await download(mirror.file("resumed-lib", file.filename), file.bytes);
  bench.check(got.isExact, `status ${got.status}, ${got.sizeBytes} of ${file.bytes.length} bytes`);
  const asked = upstream.requestsOf(file.path).map(({ headers, status }) => [status, headers.range === undefined ? "whole" : "range"]);
  bench.same(
    asked,
    [
      [200, "whole"],
      [206, "range"],
    ],
    "requests to the index",
  );
});

mirrorTest("a range of a file that is still arriving is served before its end", async (bench) => {
  const upstream = await bench.upstream();
  const file = upstream.publish(heavyWheel("arriving-lib", "1.0", 4 * MIB));
  upstream.faults.set(file.path, { stallAfterBytes: 3 * MIB });
  const mirror = await bench.mirror({ indexUrl: upstream.indexUrl });
  const url = mirror.file("arriving-lib", file.filename);
  const whole = download(url, file.bytes);
  const range = await ask(url, { headers: { range: `bytes=${MIB}-${MIB + 999}` } });
  bench.same([range.status, range.headers["content-range"]], [206, `bytes ${MIB}-${MIB + 999}/${file.bytes.length}`], "the range");
  bench.check(range.body.equals(file.bytes.subarray(MIB, MIB + 1000)), "the range has wrong bytes");
  bench.same(upstream.requestsOf(file.path)[0]?.endedAtMs ?? null, null, "the end of the transfer");
  await mirror.end("SIGKILL");
  bench.check(!(await whole).isExact, "the client had bytes that the index never sent");
});

async function checkExact(bench: Bench, mirror: Mirror, file: Published, who: string): Promise<void> {
  const { isExact, status, sizeBytes } = await download(mirror.file(file.project, file.filename), file.bytes);
  bench.check(isExact, `${who} of ${file.filename}: status ${status}, ${sizeBytes} bytes`);
}

/** Every file under the name of its hash has that hash; databases are sound. The hashes of those that were not in `sound` yet, which takes them in. */
function checkStored(bench: Bench, cacheDir: string, when: string, sound: Set<string>): ReadonlySet<string> {
  const hashes = new Set<string>();
  for (const path of filesOf(cacheDir)) {
    if (/\.(?:sqlite|db)$/.test(path)) bench.same(integrityOf(path), "ok", `${when}: ${path}`);
    // The name may be spread over folders: ab/cdef…
    const [, name] = /([0-9a-f]{64})$/.exec(path.replaceAll("/", "")) ?? [];
    if (name === undefined) continue;
    const { mtimeMs, size } = statSync(path);
    const asChecked = `${path} ${mtimeMs} ${size}`;
    if (sound.has(asChecked)) continue;
    const hash = createHash("sha256").update(readFileSync(path)).digest("hex");
    bench.check(name === hash, `${when}: ${path} has the hash ${hash}`);
    hashes.add(hash);
    sound.add(asChecked);
  }
  return hashes;
}

function integrityOf(path: string): unknown {
  const database = new DatabaseSync(path);
  try {
    return database.prepare("PRAGMA integrity_check").get()?.["integrity_check"];
  } finally {
    database.close();
  }
}

function isDatabase(path: string): boolean {
  return /\.(?:sqlite|db)(?:-wal|-shm)?$/.test(path);
}

function filesOf(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

/** mulberry32: the same moments for the same seed. */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
