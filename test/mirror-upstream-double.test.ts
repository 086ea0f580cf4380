/** The tests' own index: the real clients install straight from it, and its faults are what they say. What is held against it must stand on firm ground. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ask, download, PIP_ACCEPT } from "./support/mirror/ask.ts";
import { bundledWheels, digest, heavyWheel, sdist, wheel } from "./support/mirror/distributions.ts";
import { environment, pip, python, uv } from "./support/mirror/python-tools.ts";
import { pagePath, startUpstream } from "./support/mirror/upstream-double.ts";

const folder = mkdtempSync(join(tmpdir(), "mirror-double-"));
after(() => rmSync(folder, { recursive: true, force: true }));

for (const format of ["json", "html"] as const) {
  test(`pip and uv install wheels, extras and an sdist straight from the tests' index, in ${format}`, async (t) => {
    for (const name of ["pip", "uv"] as const) {
      const had = await environment(name);
      if (!had.ok) return t.skip(had.reason);
    }
    await using index = await startUpstream({ format, links: format === "json" ? "absolute" : "relative" });
    index.publish(wheel({ name: "Top.Level", version: "1.0", requires: ["needed[more]"] }));
    index.publish(wheel({ name: "needed", version: "2.0", extras: ["more"], requires: ['built; extra == "more"'] }));
    index.publish(wheel({ name: "needed", version: "3.0" }), { yanked: "broken" });
    index.publish(sdist("built", "0.1"));
    const installs = {
      pip: (target: string) => pip("install", ["--target", target, "top-level"], { folder, indexUrl: index.indexUrl }),
      uv: (target: string) => uv(["pip", "install", "--target", target, "top-level"], { folder, indexUrl: index.indexUrl }),
    };
    for (const [client, install] of Object.entries(installs)) {
      const target = join(folder, `${format}-${client}`);
      const { status, stderr } = await install(target);
      assert.equal(status, 0, stderr);
      const { stdout } = await python("import top_level, needed, built; print(needed.__version__, built.__version__)", target);
      assert.equal(stdout, "2.0 0.1\n", client);
    }
  });
}

test("real wheels are found with their metadata, or it is said where they were looked for", (t) => {
  const { wheels, lookedIn } = bundledWheels();
  if (wheels.length === 0) return t.skip(`none in ${lookedIn.join(", ")}`);
  for (const file of wheels) assert.match(file.metadata!.toString(), new RegExp(`^Version: ${file.version}$`, "m"), file.filename);
});

test("ranges, validators and counts are those of RFC 9110", async () => {
  await using index = await startUpstream();
  const file = index.publish(heavyWheel("lib", "1.0", 1_000));
  const url = `${index.origin}${file.path}`;
  const part = await ask(url, { headers: { range: "bytes=10-19" } });
  assert.deepEqual(
    [part.status, part.headers["content-range"], part.body],
    [206, `bytes 10-19/${file.bytes.length}`, file.bytes.subarray(10, 20)],
  );
  assert.deepEqual((await ask(url, { headers: { range: "bytes=-5" } })).body, file.bytes.subarray(-5));
  assert.equal((await ask(url, { headers: { range: `bytes=${file.bytes.length}-` } })).status, 416);
  assert.equal((await ask(url, { headers: { range: "bytes=0-1", "if-range": '"other"' } })).status, 200);
  assert.equal((await ask(url, { headers: { "if-none-match": part.headers.etag! } })).status, 304);
  assert.deepEqual((await ask(url, { method: "HEAD" })).headers["content-length"], String(file.bytes.length));
  assert.deepEqual([index.count(file.path), index.count(file.path, "HEAD")], [5, 1]);
  assert.equal(index.requestsOf(file.path)[0]!.headers.range, "bytes=10-19");
});

test("each fault does what it is called, for as many requests as it is set for", async () => {
  await using index = await startUpstream();
  const file = index.publish(heavyWheel("lib", "1.0", 1_000));
  const url = `${index.origin}${file.path}`;
  const outcome = async () => {
    const { status, isWhole, isExact, sizeBytes } = await download(url, file.bytes);
    return { status, isWhole, isExact, sizeBytes };
  };
  const size = file.bytes.length;
  const faults = [
    [{ truncateAfterBytes: 100 }, { status: 200, isWhole: false, isExact: false, sizeBytes: 100 }],
    [
      { truncateAfterBytes: 100, chunked: true },
      { status: 200, isWhole: false, isExact: false, sizeBytes: 100 },
    ],
    [{ shortenToBytes: 100 }, { status: 200, isWhole: true, isExact: false, sizeBytes: 100 }],
    [{ corrupt: true }, { status: 200, isWhole: true, isExact: false, sizeBytes: size }],
    [
      { bytesPerSecond: 5_000, delayMs: 20 },
      { status: 200, isWhole: true, isExact: true, sizeBytes: size },
    ],
    [{ status: 429 }, { status: 429, isWhole: true, isExact: false, sizeBytes: 4 }],
    [{ redirectTo: `${file.path}.metadata` }, { status: 200, isWhole: true, isExact: false, sizeBytes: file.metadata!.length }],
  ] as const;
  for (const [fault, wanted] of faults) {
    index.faults.set(file.path, { ...fault, times: 1 });
    assert.deepEqual(await outcome(), wanted, JSON.stringify(fault));
    assert.deepEqual(await outcome(), { status: 200, isWhole: true, isExact: true, sizeBytes: size }, "well again");
  }
});

test("credentials are asked for, and an index that is down comes back at the same address", async () => {
  await using index = await startUpstream();
  index.publish(wheel({ name: "lib", version: "1.0" }));
  index.credentials = { username: "u", password: "p" };
  const url = `${index.origin}${pagePath("lib")}`;
  const authorization = `Basic ${Buffer.from("u:p").toString("base64")}`;
  assert.equal((await ask(url)).status, 401);
  const page = await ask(url, { headers: { authorization, accept: PIP_ACCEPT } });
  assert.equal(JSON.parse(page.body.toString()).files[0].hashes.sha256, digest(index.project("lib").files[0]!.bytes, "hex"));
  await index.down();
  assert.equal((await ask(url)).status, 0);
  await index.up();
  assert.equal((await ask(url)).status, 401);
});
