/** An index that is slow, silent, busy or careless: what clients are told, and that others don't wait for it. */
import { ask, download, PIP_ACCEPT } from "./support/mirror/ask.ts";
import { heavyWheel, sdist, wheel } from "./support/mirror/distributions.ts";
import type { Faults } from "./support/mirror/faults.ts";
import { mirrorTest } from "./support/mirror/row-tests.ts";
import { pagePath } from "./support/mirror/upstream-double.ts";
import { JSON_TYPE } from "./support/mirror/upstream-pages.ts";

const MIB = 1024 * 1024;
const GATEWAY_STATUSES = [502, 503, 504];
const QUICK = { readTimeoutSeconds: 1, env: { PILOTLIGHT_RETRIES: "0" } };

const ANSWERS: readonly (readonly [what: string, faults: Faults, statuses: readonly number[]])[] = [
  ["silence", { hang: true }, [504]],
  ["half a page, then silence", { stallAfterBytes: 40 }, [504]],
  ["half a page, then the end", { truncateAfterBytes: 40 }, [502]],
  ["404", { status: 404 }, [404]],
  ["410", { status: 410 }, [404]],
  ["401", { status: 401 }, [502]],
  ["403", { status: 403 }, [502]],
  ["429", { status: 429, headers: { "retry-after": "1" } }, [503]],
  ["500", { status: 500 }, [502]],
  ["503", { status: 503 }, [503]],
  ["a 200 ms delay", { delayMs: 200 }, [200]],
  ["a coding that nobody asked for", { gzip: true }, [200]],
  ["no length", { chunked: true }, [200]],
  ["neither ranges nor validators", { noRanges: true }, [200]],
];

mirrorTest("whatever goes wrong with a page is told by its status, and nobody else waits", async (bench) => {
  const upstream = await bench.upstream();
  const sound = upstream.publish(wheel({ name: "sound-lib", version: "1.0" }));
  const mirror = await bench.mirror({ indexUrl: upstream.indexUrl, ...QUICK });
  for (const [index, [what, faults, statuses]] of ANSWERS.entries()) {
    const file = upstream.publish(wheel({ name: `case-${index}`, version: "1.0" }));
    upstream.faults.set(pagePath(file.project), faults);
    const asked = ask(mirror.page(file.project), { headers: { accept: PIP_ACCEPT } });
    bench.check((await download(mirror.file("sound-lib", sound.filename), sound.bytes)).isExact, `${what}: another file is not served`);
    const { status, body } = await asked;
    bench.check(statuses.includes(status), `${what}: status ${status} ${body.toString().slice(0, 120)}`);
    if (status === 200) bench.check(body.toString().includes(file.sha256), `${what}: the page lacks its file`);
    upstream.faults.delete(pagePath(file.project));
  }
});

mirrorTest("a passing fault is tried again, and the client sees nothing of it", async (bench) => {
  const upstream = await bench.upstream();
  const passing: readonly Faults[] = [{ status: 503 }, { status: 500 }, { status: 429, headers: { "retry-after": "1" } }];
  const mirror = await bench.mirror({ indexUrl: upstream.indexUrl, env: { PILOTLIGHT_RETRY_DELAY: "50ms" } });
  for (const [index, fault] of passing.entries()) {
    const file = upstream.publish(heavyWheel(`passing-${index}`, "1.0", MIB));
    upstream.faults.set(pagePath(file.project), { ...fault, times: 1 });
    upstream.faults.set(file.path, { ...fault, times: 1 });
    const { status } = await ask(mirror.page(file.project), { headers: { accept: PIP_ACCEPT } });
    bench.same(status, 200, `a page after ${JSON.stringify(fault)}`);
    const got = await download(mirror.file(file.project, file.filename), file.bytes);
    bench.check(got.isExact, `a file after ${JSON.stringify(fault)}: status ${got.status}`);
  }
});

mirrorTest("a file that the index stops sending breaks off, and is whole for the next client", async (bench) => {
  const upstream = await bench.upstream();
  const mirror = await bench.mirror({ indexUrl: upstream.indexUrl, ...QUICK });
  for (const [name, faults] of [
    ["stalled", { stallAfterBytes: MIB, noRanges: true }],
    ["silent", { hang: true }],
  ] as const) {
    const file = upstream.publish(heavyWheel(`${name}-lib`, "1.0", 2 * MIB));
    upstream.faults.set(file.path, faults);
    const got = await download(mirror.file(file.project, file.filename), file.bytes);
    bench.check(!got.isWhole || GATEWAY_STATUSES.includes(got.status), `${name}: status ${got.status}, ${got.sizeBytes} bytes`);
    upstream.faults.clear();
    bench.check((await download(mirror.file(file.project, file.filename), file.bytes)).isExact, `${name}: the next client`);
  }
});

mirrorTest("a file in a coding that nobody asked for is decoded or refused, never kept as it came", async (bench) => {
  const upstream = await bench.upstream();
  const mirror = await bench.mirror({ indexUrl: upstream.indexUrl, ...QUICK });
  for (const file of [sdist("coded-lib", "1.0"), wheel({ name: "coded-lib", version: "2.0" })].map((distribution) =>
    upstream.publish(distribution),
  )) {
    upstream.faults.set(file.path, { gzip: true });
    const got = await download(mirror.file("coded-lib", file.filename), file.bytes);
    bench.check(got.isExact || GATEWAY_STATUSES.includes(got.status), `${file.filename}: status ${got.status}, ${got.sizeBytes} bytes`);
    upstream.faults.clear();
    bench.check((await download(mirror.file("coded-lib", file.filename), file.bytes)).isExact, `${file.filename}, afterwards`);
  }
});

mirrorTest("files of an index that tells neither hash nor size are served, and kept", async (bench) => {
  const upstream = await bench.upstream();
  const file = upstream.publish(heavyWheel("bare-lib", "1.0", MIB));
  const page = {
    meta: { "api-version": "1.0" },
    name: "bare-lib",
    files: [{ filename: file.filename, url: `../..${file.path}`, hashes: {} }],
  };
  upstream.answer(pagePath("bare-lib"), JSON_TYPE, JSON.stringify(page));
  const mirror = await bench.mirror({ indexUrl: upstream.indexUrl });
  for (const time of ["first", "second", "third"]) {
    bench.check((await download(mirror.file("bare-lib", file.filename), file.bytes)).isExact, `the ${time} time`);
  }
  bench.same(upstream.count(file.path), 1, "requests for the file");
});

mirrorTest("a failure of the index is one line of the log, however many clients wait for what failed", async (bench) => {
  const upstream = await bench.upstream();
  const [kept, late] = ["kept-lib", "late-lib"].map((name) => upstream.publish(wheel({ name, version: "1.0" })));
  const page = async (project: string) => (await ask(mirror.page(project), { headers: { accept: PIP_ACCEPT } })).status;
  const mirror = await bench.mirror({ indexUrl: upstream.indexUrl, indexTtlSeconds: 0, ...QUICK });
  for (const { project } of [kept!, late!]) bench.same(await page(project), 200, `the page of ${project}`);
  for (const path of [pagePath("kept-lib"), pagePath("broken-lib"), late!.path]) upstream.faults.set(path, { status: 500, delayMs: 300 });
  const five = <Value>(run: () => Promise<Value>) => Promise.all(Array.from({ length: 5 }, run));
  bench.same(await five(() => page("broken-lib")), [502, 502, 502, 502, 502], "a page that fails");
  bench.same(await page("kept-lib"), 200, "a page that was kept");
  const files = await five(async () => (await ask(mirror.file("late-lib", late!.filename))).status);
  bench.same(files, [502, 502, 502, 502, 502], "a file that fails");
  await mirror.end("SIGTERM");
  const lines = mirror.log.split("\n").filter((line) => line.includes('"level":"warn"'));
  const messages = lines.map((line) => JSON.parse(line) as { message: string; code: string });
  const of = (path: string) => messages.filter(({ message, code }) => code === "UPSTREAM_STATUS" && message.includes(path)).length;
  bench.same([of(pagePath("broken-lib")), of(pagePath("kept-lib")), of(late!.path)], [1, 1, 1], "lines of each");
  bench.same(messages.length, 3, "lines of all");
  bench.check(
    messages.some(({ message }) => message.endsWith("/kept-lib/: the index answered 500. The page that was kept is served")),
    "nobody says that a kept page was served",
  );
});
