/** Rows about the way of a file's bytes: one fetch for many, nothing but the whole and the right ones, and what room is made for them. */
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, download, leaveAfter } from "../ask.ts";
import type { Bench, Row } from "../conformance.ts";
import { heavyWheel, pseudoRandom } from "../distributions.ts";
import type { Faults } from "../faults.ts";
import type { Mirror } from "../subject.ts";
import type { Published } from "../upstream-pages.ts";

const MIB = 1024 * 1024;
const KIB = 1024;

export const TRANSFER_ROWS: readonly Row[] = [
  {
    id: 6,
    title: "fifty parallel cold clients of a trickled 100 MB file make one request to the index, and begin before it has ended",
    needs: [],
    async run(bench) {
      const upstream = await bench.upstream();
      const big = upstream.publish(heavyWheel("big-lib", "1.0", 100_000_000));
      upstream.faults.set(big.path, { bytesPerSecond: 60_000_000 });
      const mirror = await bench.mirror({ indexUrl: upstream.indexUrl });
      const url = mirror.file("big-lib", big.filename);
      const early = Array.from({ length: 45 }, () => download(url, big.bytes));
      await upstream.sent(big.path, big.bytes.length * 0.3);
      const late = Array.from({ length: 5 }, () => download(url, big.bytes));
      const middle = await ask(url, { headers: { range: "bytes=1000000-1999999" } });
      const clients = await Promise.all([...early, ...late]);
      bench.same(clients.filter(({ isExact }) => isExact).length, 50, "clients that got the exact file");
      bench.same(upstream.count(big.path), 1, "requests for the file that the index got");
      const upstreamEndMs = upstream.requestsOf(big.path)[0]?.endedAtMs ?? 0;
      const begun = clients.filter(({ firstByteAtMs }) => firstByteAtMs !== null && firstByteAtMs < upstreamEndMs).length;
      bench.check(begun >= 25, `${begun} of 50 clients had a first byte before the index had sent the last`);
      bench.note(`${begun} of 50 clients had a first byte before the index had sent the last`);
      const wanted = big.bytes.subarray(1_000_000, 2_000_000);
      const isRange = middle.status === 206 && middle.body.equals(wanted);
      bench.check(
        isRange || (middle.status === 200 && middle.body.equals(big.bytes)),
        `a range meanwhile: status ${middle.status} and wrong bytes`,
      );
    },
  },
  {
    id: 7,
    title: "after a slow transfer, a client that left and a mirror that was killed, the next client gets the exact file",
    needs: [],
    async run(bench) {
      const upstream = await bench.upstream();
      const [slow, left, killed] = ["slow-lib", "left-lib", "killed-lib"].map((name) => upstream.publish(heavyWheel(name, "1.0", 4 * MIB)));
      const cacheDir = bench.newFolder("cache");
      let mirror = await bench.mirror({ indexUrl: upstream.indexUrl, cacheDir });

      upstream.faults.set(slow!.path, { bytesPerSecond: 1.3 * MIB });
      await exact(bench, mirror, slow!, "a transfer of three seconds");
      await exact(bench, mirror, slow!, "the file of the slow transfer, again");

      upstream.faults.set(left!.path, { bytesPerSecond: 3 * MIB });
      bench.check(await leaveAfter(mirror.file("left-lib", left!.filename), 300_000), "a client could not get the first 300,000 bytes");
      await exact(bench, mirror, left!, "the next client after one that left");
      bench.note(`${upstream.count(left!.path)} requests to the index for the file that one client left`);

      upstream.faults.set(killed!.path, { bytesPerSecond: 3 * MIB });
      const cut = download(mirror.file("killed-lib", killed!.filename), killed!.bytes);
      await upstream.sent(killed!.path, 2 * MIB);
      await mirror.end("SIGKILL");
      bench.check(!(await cut).isExact, "the client of the killed mirror had the whole file already");
      upstream.faults.clear();
      mirror = await bench.mirror({ indexUrl: upstream.indexUrl, cacheDir });
      for (const file of [killed!, left!, slow!]) await exact(bench, mirror, file, "after SIGKILL and a restart");
    },
  },
  {
    id: 8,
    title: "truncated, shortened and wrong bytes reach no client as a whole file, and are not kept",
    needs: [],
    async run(bench) {
      const upstream = await bench.upstream();
      const half = MIB / 2;
      const kinds: readonly (readonly [string, Faults])[] = [
        ["truncated", { truncateAfterBytes: half, noRanges: true }],
        ["truncated-without-length", { truncateAfterBytes: half, noRanges: true, chunked: true }],
        ["shortened", { shortenToBytes: half }],
        ["empty", { shortenToBytes: 0 }],
        ["wrong", { corrupt: true }],
      ];
      const files = kinds.map(([kind, faults]) => {
        const file = upstream.publish(heavyWheel(`${kind}-lib`, "1.0", MIB));
        upstream.faults.set(file.path, faults);
        return file;
      });
      const wrongMetadata = upstream.publish(heavyWheel("metadata-lib", "1.0", 10 * KIB));
      upstream.faults.set(`${wrongMetadata.path}.metadata`, { corrupt: true });
      const mirror = await bench.mirror({ indexUrl: upstream.indexUrl });
      for (const file of files) {
        const got = await download(mirror.file(file.project, file.filename), file.bytes);
        bench.check(!(got.status === 200 && got.isWhole), `${file.project}: a whole answer of ${got.sizeBytes} bytes with status 200`);
      }
      const metadataUrl = `${mirror.file("metadata-lib", wrongMetadata.filename)}.metadata`;
      const metadata = await ask(metadataUrl);
      bench.check(!(metadata.status === 200 && metadata.isWhole), "wrong metadata came as a whole answer with status 200");
      upstream.faults.clear();
      for (const file of files) await exact(bench, mirror, file, "once the index is well again");
      bench.check((await ask(metadataUrl)).body.equals(wrongMetadata.metadata!), "metadata is not right once the index is well again");
    },
  },
  {
    id: 16,
    title: "the least recently used files go first, and files of others in the folder stay",
    needs: [],
    async run(bench) {
      const upstream = await bench.upstream();
      const files = ["a", "b", "c", "d", "e"].map((letter) => upstream.publish(heavyWheel(`lru-${letter}`, "1.0", MIB)));
      const [a, b, c, d, e] = files as [Published, Published, Published, Published, Published];
      const cacheDir = bench.newFolder("cache");
      const foreign = new Map<string, Buffer>();
      leaveForeignFiles(cacheDir, foreign);
      const settings = { indexUrl: upstream.indexUrl, cacheDir, cacheMaxBytes: Math.round(3.5 * MIB) };
      const first = await bench.mirror(settings);
      await exact(bench, first, a, "with an empty cache");
      await first.end("SIGTERM");
      for (const entry of readdirSync(cacheDir, { recursive: true, withFileTypes: true })) {
        if (entry.isDirectory()) leaveForeignFiles(join(entry.parentPath, entry.name), foreign);
      }

      const mirror = await bench.mirror(settings);
      for (const file of [a, b, c]) await exact(bench, mirror, file, "while there is room");
      for (const newer of [d, e]) {
        await exact(bench, mirror, a, "a hot file");
        await exact(bench, mirror, newer, "a new file that needs room");
        await bench.eventually(() => ownBytes(cacheDir, foreign) <= settings.cacheMaxBytes + MIB / 2, "the cache stays above its size");
      }
      bench.same(upstream.count(a.path), 1, "requests for the hot file");
      await exact(bench, mirror, e, "the newest file");
      bench.same(upstream.count(e.path), 1, "requests for the newest file");
      await exact(bench, mirror, b, "the file that was used the longest ago");
      bench.same(upstream.count(b.path), 2, "requests for the file that was used the longest ago");
      for (const [path, bytes] of foreign)
        bench.check(existsSync(path) && readFileSync(path).equals(bytes), `a foreign file was touched: ${path}`);
    },
  },
];

async function exact(bench: Bench, mirror: Mirror, file: Published, when: string): Promise<void> {
  const { isExact, status, sizeBytes } = await download(mirror.file(file.project, file.filename), file.bytes);
  bench.check(isExact, `${file.project}, ${when}: status ${status}, ${sizeBytes} of ${file.bytes.length} bytes, or wrong ones`);
}

/** Old ones, and of the kinds that a cache might take for its own. */
function leaveForeignFiles(folder: string, foreign: Map<string, Buffer>): void {
  for (const [name, size] of [
    ["foreign-1.0-py3-none-any.whl", 2 * MIB],
    ["notes.txt", KIB],
  ] as const) {
    const path = join(folder, name);
    if (foreign.has(path)) continue;
    const bytes = pseudoRandom(size, foreign.size + 1);
    writeFileSync(path, bytes);
    utimesSync(path, 1_000_000, 1_000_000);
    foreign.set(path, bytes);
  }
}

/** What the mirror keeps of files: its database is not of that. */
function ownBytes(folder: string, foreign: ReadonlyMap<string, Buffer>): number {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) => join(folder, path));
  return paths.filter((path) => !foreign.has(path) && !/sqlite|\.db/.test(path)).reduce((sum, path) => sum + sizeOf(path), 0);
}

function sizeOf(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true ? stat.size : 0;
}
