/** DELETE of single files: what is thrown away can be had again, or whoever asks has said that it need not. */
import { setTimeout as sleep } from "node:timers/promises";
import { ask, download } from "./support/mirror/ask.ts";
import { wheel } from "./support/mirror/distributions.ts";
import { mirrorTest } from "./support/mirror/row-tests.ts";
import type { Mirror } from "./support/mirror/subject.ts";

const QUICK = { readTimeoutSeconds: 1, env: { PILOTLIGHT_RETRIES: "0" } };

/** A file is given out a moment before it is in the store. */
async function untilKept(mirror: Mirror, fileCount: number): Promise<void> {
  for (;;) {
    const { body } = await ask(`${mirror.origin}/health`);
    if (JSON.parse(body.toString()).data.cache_files === fileCount) return;
    await sleep(5);
  }
}

mirrorTest("a file is dropped when its index gives it again, and kept when it would be lost, unless that is asked for", async (bench) => {
  const upstream = await bench.upstream();
  const file = upstream.publish(wheel({ name: "kept-lib", version: "1.0" }));
  const mirror = await bench.mirror({ indexUrl: upstream.indexUrl, ...QUICK });
  const url = mirror.file("kept-lib", file.filename);
  const exact = async (when: string) => bench.check((await download(url, file.bytes)).isExact, `it is not served ${when}`);
  const drop = async (query = "") => {
    const { status, body } = await ask(`${mirror.origin}/cache/Kept.Lib/${file.filename}${query}`, { method: "DELETE" });
    return { status, error: JSON.parse(body.toString()).error };
  };
  await exact("at first");
  await untilKept(mirror, 1);
  bench.same((await drop()).status, 200, "DELETE while the index has it");
  await untilKept(mirror, 0);
  await exact("after it was dropped");
  await untilKept(mirror, 1);

  await upstream.down();
  const { status, error } = await drop();
  bench.same([status, error.code], [409, "LAST_COPY"], "DELETE while the index is down");
  bench.check(/may be the last.*Cannot fetch .*\?force/.test(error.message), `it says: ${error.message}`);
  await exact("while the index is down");

  await upstream.up();
  upstream.faults.set(file.path, { status: 404 });
  bench.same((await drop()).status, 409, "DELETE when the index no longer has it");
  for (const no of ["0", "no", "False"]) bench.same((await drop(`?force=${no}`)).status, 409, `DELETE ?force=${no}`);
  await exact("though the index no longer has it");
  bench.same((await drop("?force")).status, 200, "DELETE ?force");
  bench.same((await ask(url)).status, 404, "the file that was given up");
  bench.same((await drop()).status, 200, "DELETE of what is not stored");
  bench.same(
    (await ask(`${mirror.origin}/cache/kept-lib/kept_lib-9.9.zip`, { method: "DELETE" })).status,
    404,
    "DELETE of what nobody lists",
  );
});

mirrorTest("offline nothing is dropped but by force", async (bench) => {
  const upstream = await bench.upstream();
  const file = upstream.publish(wheel({ name: "kept-lib", version: "1.0" }));
  const settings = { indexUrl: upstream.indexUrl, cacheDir: bench.newFolder("cache") };
  const online = await bench.mirror(settings);
  bench.check((await download(online.file("kept-lib", file.filename), file.bytes)).isExact, "it is not served online");
  await online.end("SIGTERM");
  const mirror = await bench.mirror({ ...settings, args: ["--offline"] });
  const drop = (query: string) => ask(`${mirror.origin}/cache/kept-lib/${file.filename}${query}`, { method: "DELETE" });
  const refused = await drop("");
  bench.same([refused.status, JSON.parse(refused.body.toString()).error.code], [409, "OFFLINE_KEEPS"], "DELETE while offline");
  bench.check((await download(mirror.file("kept-lib", file.filename), file.bytes)).isExact, "it is not served offline");
  bench.same((await drop("?force")).status, 200, "DELETE ?force while offline");
  bench.same((await ask(mirror.file("kept-lib", file.filename))).status, 504, "the file that was given up");
});
