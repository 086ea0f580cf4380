/** A machine that misbehaves: its clock jumps, its disk is full or read-only, and two mirrors want one folder. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { ask, download, PIP_ACCEPT } from "./support/mirror/ask.ts";
import type { Bench } from "./support/mirror/conformance.ts";
import { heavyWheel, wheel } from "./support/mirror/distributions.ts";
import { mirrorTest } from "./support/mirror/row-tests.ts";
import { type Mirror, startPilotlight } from "./support/mirror/subject.ts";
import type { Published } from "./support/mirror/upstream-pages.ts";

const MIB = 1024 * 1024;
const DAY_MS = 24 * 3_600_000;
const DISK_BYTES = 24 * MIB;
/** By then it has refused, or it runs. */
const REFUSAL_MAX_MS = 20_000;

/** Loaded before the mirror, in each of its threads: its clock is so many milliseconds off as the file says. */
const CLOCK = `import { readFileSync } from "node:fs";
const { now } = Date;
const offset = () => { try { return Number(readFileSync(process.env.TEST_CLOCK_FILE, "utf8")); } catch { return 0; } };
Date.now = () => now() + offset();
const Plain = Date;
globalThis.Date = class Date extends Plain {
  constructor(...args) { super(...(args.length === 0 ? [Plain.now()] : args)); }
};
`;

mirrorTest("a clock that jumps years ahead and back neither stops the mirror nor makes a page fresh for years", async (bench) => {
  const upstream = await bench.upstream();
  const kept = upstream.publish(wheel({ name: "kept-lib", version: "1.0" }));
  const [clockFile, preload] = [join(bench.folder, "clock"), join(bench.folder, "clock.mjs")];
  writeFileSync(preload, CLOCK);
  writeFileSync(clockFile, "0");
  const mirror = await bench.mirror({
    indexUrl: upstream.indexUrl,
    indexTtlSeconds: 1,
    env: { NODE_OPTIONS: `--import=${pathToFileURL(preload).href}`, TEST_CLOCK_FILE: clockFile, PILOTLIGHT_RESPONSE_CACHE_TTL: "0" },
  });
  await exact(bench, mirror, kept, "at first");
  const jumps = [3_650 * DAY_MS, -365 * DAY_MS, 0, -20_000 * DAY_MS, 60_000 * DAY_MS];
  for (const [index, jump] of jumps.entries()) {
    writeFileSync(clockFile, String(jump));
    const when = `with a clock ${Math.round(jump / DAY_MS)} days off`;
    await exact(bench, mirror, kept, when);
    const version = `2.${index}`;
    upstream.publish(wheel({ name: "kept-lib", version }));
    const deadlineMs = performance.now() + 10_000;
    let text = "";
    while (!text.includes(`kept_lib-${version}-`) && performance.now() < deadlineMs) {
      await sleep(100);
      text = (await ask(mirror.page("kept-lib"), { headers: { accept: PIP_ACCEPT } })).body.toString();
    }
    bench.check(text.includes(`kept_lib-${version}-`), `${when}: a new version is not seen within 10 s, where pages are fresh for 1 s`);
  }
  bench.same(upstream.count(kept.path), 1, "requests for the file");
});

mirrorTest(
  "with a full disk the mirror serves what it has, says why it can't keep more, and goes on when there is room",
  async (bench, t) => {
    const cacheDir = smallDisk(bench);
    if (cacheDir === null) return t.skip("needs the right to mount a small tmpfs");
    const upstream = await bench.upstream();
    const [kept, late, small] = [
      heavyWheel("kept-lib", "1.0", 2 * MIB),
      heavyWheel("late-lib", "1.0", 8 * MIB),
      wheel({ name: "small-lib", version: "1.0" }),
    ].map((file) => upstream.publish(file));
    const mirror = await bench.mirror({ indexUrl: upstream.indexUrl, cacheDir });
    await exact(bench, mirror, kept!, "while there is room");
    const filler = join(cacheDir, "filler");
    fillUp(filler);
    await exact(bench, mirror, kept!, "with a full disk");
    for (const file of [late!, small!]) await exact(bench, mirror, file, "with a full disk");
    bench.check(/full|no space/i.test(mirror.log), "the log says nothing of the disk");
    bench.same((await ask(mirror.page("kept-lib"), { headers: { accept: PIP_ACCEPT } })).status, 200, "a page, with a full disk");
    rmSync(filler);
    for (const file of [late!, small!, kept!]) await exact(bench, mirror, file, "when there is room again");
    const before = upstream.count(late!.path);
    await exact(bench, mirror, late!, "a second time");
    bench.same(upstream.count(late!.path), before, "requests for a file that could be kept at last");
  },
);

mirrorTest("a read-only cache folder is refused at the start, in a line that names it, and loses nothing", async (bench, t) => {
  const cacheDir = smallDisk(bench);
  if (cacheDir === null) return t.skip("needs the right to mount a small tmpfs");
  const upstream = await bench.upstream();
  const kept = upstream.publish(heavyWheel("kept-lib", "1.0", MIB));
  const mirror = await bench.mirror({ indexUrl: upstream.indexUrl, cacheDir });
  await exact(bench, mirror, kept, "while it may write");
  await mirror.end("SIGTERM");
  spawnSync("mount", ["-o", "remount,ro", cacheDir]);
  const refused = startPilotlight({ indexUrl: upstream.indexUrl, cacheDir });
  const status = await refused.exitWithin(REFUSAL_MAX_MS);
  bench.check(status !== 0 && status !== null, `a start in a read-only folder ended with ${status}`);
  bench.check(/read-only|permission|writ/i.test(refused.log) && refused.log.includes(cacheDir), `it says: ${refused.log.slice(0, 300)}`);
  bench.check(refused.log.trim().split("\n").length <= 2, `it takes more than a line: ${refused.log.slice(0, 600)}`);
  spawnSync("mount", ["-o", "remount,rw", cacheDir]);
  const again = await bench.mirror({ indexUrl: upstream.indexUrl, cacheDir });
  await exact(bench, again, kept, "when it may write again");
  bench.same(upstream.count(kept.path), 1, "requests for the file that was kept");
});

mirrorTest("a second mirror on one folder refuses clearly, and one that was killed leaves the folder free", async (bench) => {
  const upstream = await bench.upstream();
  const kept = upstream.publish(wheel({ name: "kept-lib", version: "1.0" }));
  const settings = { indexUrl: upstream.indexUrl, cacheDir: bench.newFolder("cache") };
  const first = await bench.mirror(settings);
  await exact(bench, first, kept, "by the first");
  const listed = () => readdirSync(settings.cacheDir, { recursive: true, encoding: "utf8" });
  await bench.eventually(() => listed().some((path) => path.endsWith(kept.sha256)), "the first does not keep the file");
  const before = listed();
  const second = startPilotlight(settings);
  const status = await second.exitWithin(REFUSAL_MAX_MS);
  bench.check(status !== 0 && status !== null, `the second ended with ${status}`);
  bench.check(second.log.includes(settings.cacheDir) && /another|already|in use/i.test(second.log), `it says: ${second.log.slice(0, 300)}`);
  bench.same(second.log.trim().split("\n").length, 1, "lines that it says it in");
  bench.same(
    listed().filter((path) => !before.includes(path)),
    [],
    "files that came into the folder",
  );
  await exact(bench, first, kept, "by the first, after the second");
  await first.end("SIGKILL");
  const third = await bench.mirror(settings);
  await exact(bench, third, kept, "by the third");
  bench.same(upstream.count(kept.path), 1, "requests for the file");
});

mirrorTest("a second mirror on one folder is told of the first, also when the disk is full", async (bench, t) => {
  const cacheDir = smallDisk(bench);
  if (cacheDir === null) return t.skip("needs the right to mount a small tmpfs");
  const upstream = await bench.upstream();
  await bench.mirror({ indexUrl: upstream.indexUrl, cacheDir });
  fillUp(join(cacheDir, "filler"));
  const second = startPilotlight({ indexUrl: upstream.indexUrl, cacheDir });
  const status = await second.exitWithin(REFUSAL_MAX_MS);
  bench.check(status !== 0 && status !== null, `the second ended with ${status}`);
  bench.check(/another mirror is using it/.test(second.log) && !/full/.test(second.log), `it says: ${second.log.slice(0, 300)}`);
});

async function exact(bench: Bench, mirror: Mirror, file: Published, when: string): Promise<void> {
  const { isExact, status, sizeBytes } = await download(mirror.file(file.project, file.filename), file.bytes);
  bench.check(isExact, `${file.project}, ${when}: status ${status}, ${sizeBytes} of ${file.bytes.length} bytes, or wrong ones`);
}

/** A disk of its own, unmounted with the bench; null where mounting is not allowed. */
function smallDisk(bench: Bench): string | null {
  const folder = join(bench.folder, "disk");
  mkdirSync(folder);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", folder]).status !== 0) return null;
  bench.use({ [Symbol.asyncDispose]: async () => void spawnSync("umount", [folder]) });
  return folder;
}

/** To the last byte: in ever smaller steps. */
function fillUp(path: string): void {
  for (let step = MIB; step >= 1; step /= 4) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(step, 1), { flag: "a" });
    } catch {
      // Full, at this step.
    }
  }
}
