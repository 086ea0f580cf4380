/**
 * Bundles: exported from one mirror, imported into another, and proved there
 * without its upstream; damaged at every place, and cut off at every step.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, type TestContext } from "node:test";
import { sha256 } from "../src/base/sha256.ts";
import type { BundleProgress } from "../src/mirror/bundle/bundle-source.ts";
import { exportBundle } from "../src/mirror/bundle/export-bundle.ts";
import { importBundle } from "../src/mirror/bundle/import-bundle.ts";
import { tarHeader } from "../src/mirror/bundle/tar-format.ts";
import { verifyLock } from "../src/mirror/bundle/verify-lock.ts";
import type { LockFile } from "../src/mirror/lockfile/lock-file.ts";
import { parseLockFile } from "../src/mirror/lockfile/parse-lock-file.ts";
import { MemoryMirror } from "./support/mirror-memory.ts";

const dir = mkdtempSync(join(tmpdir(), "pilotlight-bundle-"));
after(() => rmSync(dir, { recursive: true }));

const BIG = "big ".repeat(200_000);
let fileCount = 0;

function newFile(): string {
  return join(dir, `${fileCount++}.bundle`);
}

function mirror(context: TestContext): MemoryMirror {
  const made = new MemoryMirror();
  context.after(() => made.close());
  return made;
}

/** With an upstream that has two projects. */
function online(context: TestContext): MemoryMirror {
  const made = mirror(context);
  made.publish("demo", [
    { filename: "demo-1.0-py3-none-any.whl", content: BIG, metadata: "Name: demo" },
    { filename: "demo-1.0.tar.gz", content: "sdist" },
    { filename: "demo-2.0.tar.gz", content: "not wanted" },
  ]);
  made.publish("other", [{ filename: "other-3.0-py3-none-any.whl", content: "", metadata: "Name: other" }]);
  return made;
}

async function lock(text = "demo==1.0\nother==3.0"): Promise<LockFile> {
  const parsed = await parseLockFile(text, null);
  assert.ok(parsed.ok);
  return parsed.value;
}

async function exported(context: TestContext, text?: string): Promise<string> {
  const outFile = newFile();
  const result = await exportBundle({ lock: await lock(text), source: online(context), outFile, createdMs: 0 });
  assert.ok(result.ok, result.ok ? "" : result.failure.message);
  return outFile;
}

test("what one mirror exports another imports, and proves an install without upstream", async (context) => {
  const source = online(context);
  const target = mirror(context);
  const file = newFile();
  const report = await exportBundle({ lock: await lock(), source, outFile: file, createdMs: 0 });
  assert.deepEqual(report, { ok: true, value: { projectCount: 2, fileCount: 3, sizeBytes: BIG.length + 5 + 10 + 11, warnings: [] } });
  assert.equal(source.openReaders, 0);

  const before = await verifyLock({ lock: await lock(), source: target });
  assert.equal(before.isComplete, false);
  assert.deepEqual(before.missing, ["demo: the mirror has no page of it", "other: the mirror has no page of it"]);

  assert.deepEqual(await importBundle({ file, target }), {
    ok: true,
    value: { projectCount: 2, fileCount: 3, addedCount: 5, addedBytes: BIG.length + 5 + 10 + 11 },
  });
  assert.deepEqual(
    target.pages.get("demo")!.page.files.map(({ filename }) => filename),
    ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"],
  );
  assert.deepEqual(target.events.slice(-2), ["page demo", "page other"]);

  const proof = await verifyLock({ lock: await lock(), source: target });
  assert.deepEqual(proof, {
    isComplete: true,
    missing: [],
    warnings: [],
    projectCount: 2,
    fileCount: 3,
    checkedBytes: BIG.length + 5 + 10 + 11,
  });
  assert.deepEqual([target.upstreamRequests, target.openReaders], [0, 0]);
});

test("importing twice changes nothing", async (context) => {
  const file = await exported(context);
  const target = mirror(context);
  await importBundle({ file, target });
  const pages = structuredClone(target.pages);
  assert.deepEqual(await importBundle({ file, target }), {
    ok: true,
    value: { projectCount: 2, fileCount: 3, addedCount: 0, addedBytes: 0 },
  });
  assert.deepEqual(target.pages, pages);
  assert.equal(target.commits, 5);
});

test("the same lock makes the same bundle", async (context) => {
  const files = [await exported(context), await exported(context)];
  assert.deepEqual(readFileSync(files[0]!), readFileSync(files[1]!));
});

test("files with the same bytes are held once", async (context) => {
  const source = mirror(context);
  source.publish("demo", [
    { filename: "demo-1.0.tar.gz", content: BIG },
    { filename: "demo-1.0.zip", content: BIG },
  ]);
  const file = newFile();
  assert.ok((await exportBundle({ lock: await lock("demo==1.0"), source, outFile: file, createdMs: 0 })).ok);
  assert.ok(readFileSync(file).length < 1.5 * BIG.length);
  const target = mirror(context);
  assert.ok((await importBundle({ file, target })).ok);
  assert.equal((await verifyLock({ lock: await lock("demo==1.0"), source: target })).fileCount, 2);
});

test("everything that is missing is told at once, and there is no bundle", async (context) => {
  const source = online(context);
  source.upstream.delete("file demo-1.0.tar.gz");
  const outFile = newFile();
  const pages = await exportBundle({ lock: await lock("demo==7\nnobody==1\nother"), source, outFile, createdMs: 0 });
  assert.ok(!pages.ok);
  assert.equal(pages.failure.code, "BUNDLE_INCOMPLETE");
  assert.deepEqual([...pages.failure.problems].sort(), [
    "demo 7: the index lists no file of it",
    'nobody: No index has a project "nobody"',
    "other is not pinned: lock it to one version",
  ]);
  const files = await exportBundle({ lock: await lock("demo==1.0"), source, outFile, createdMs: 0 });
  assert.ok(!files.ok);
  assert.deepEqual(files.failure.problems, ['demo-1.0.tar.gz: The project "demo" has no file "demo-1.0.tar.gz"']);
  assert.equal(existsSync(outFile), false);
});

test("a file with another hash than the lock wants is no part of a bundle, though its index tells none", async (context) => {
  const source = mirror(context);
  source.publish("demo", [{ filename: "demo-1.0.tar.gz", content: "evil", changes: { hashes: {} } }]);
  const text = `version = 1\n[[package]]\nname = "demo"\nversion = "1.0"\nsource = { registry = "https://index.example/simple" }\nsdist = { url = "https://files.example/demo-1.0.tar.gz", hash = "sha256:${sha256("good")}" }`;
  const result = await exportBundle({ lock: await lock(text), source, outFile: newFile(), createdMs: 0 });
  assert.ok(!result.ok);
  assert.match(result.failure.message, /the lock wants/);
});

test("metadata that its index promises and doesn't have is left out and not promised", async (context) => {
  const source = online(context);
  source.upstream.delete("metadata demo-1.0-py3-none-any.whl");
  const file = newFile();
  const result = await exportBundle({ lock: await lock("demo==1.0"), source, outFile: file, createdMs: 0 });
  assert.ok(result.ok);
  assert.match(result.value.warnings[0]!, /metadata is left out/);
  const target = mirror(context);
  assert.ok((await importBundle({ file, target })).ok);
  assert.equal(target.pages.get("demo")!.page.files[0]!.coreMetadata, false);
  assert.equal((await verifyLock({ lock: await lock("demo==1.0"), source: target })).isComplete, true);
});

test("a cache that dropped a file before it was written fetches it again", async (context) => {
  const source = online(context);
  const onProgress = ({ phase, doneCount, totalCount }: BundleProgress) => {
    if (phase === "fetch" && doneCount === totalCount) source.contents.clear();
  };
  assert.ok((await exportBundle({ lock: await lock(), source, outFile: newFile(), createdMs: 0, onProgress })).ok);
});

test("bytes that changed before they were written end the export, and nothing is left", async (context) => {
  const source = online(context);
  const outFile = newFile();
  const onProgress = ({ phase }: BundleProgress) => {
    if (phase === "fetch") source.contents.set(sha256("sdist"), Buffer.from("SDIST"));
  };
  const result = await exportBundle({ lock: await lock(), source, outFile, createdMs: 0, onProgress });
  assert.ok(!result.ok);
  assert.match(result.failure.message, /demo-1.0.tar.gz: its bytes changed/);
  assert.deepEqual(
    readdirSync(dir).filter((name) => outFile.endsWith(name.replace(".part", ""))),
    [],
  );
  assert.equal(source.openReaders, 0);
});

test("a bundle that can't be written is told with its path", async (context) => {
  const result = await exportBundle({ lock: await lock(), source: online(context), outFile: join(dir, "nowhere", "x"), createdMs: 0 });
  assert.ok(!result.ok);
  assert.equal(result.failure.code, "BUNDLE_UNWRITABLE");
});

test("a bundle cut off anywhere is refused before anything is taken in", async (context) => {
  const whole = readFileSync(await exported(context, "other==3.0"));
  const file = newFile();
  for (let length = 0; length < whole.length; length += 97) {
    writeFileSync(file, whole.subarray(0, length));
    const target = mirror(context);
    const result = await importBundle({ file, target });
    assert.ok(!result.ok, `${length} bytes`);
    assert.equal(result.failure.code, "BUNDLE_DAMAGED");
    assert.deepEqual(target.events, []);
  }
});

test("a bundle with a bit turned anywhere is refused, or means the same", async (context) => {
  const whole = readFileSync(await exported(context, "other==3.0"));
  const file = newFile();
  for (let at = 0; at < whole.length; at += 31) {
    const damaged = Buffer.from(whole);
    damaged[at] = damaged[at]! ^ 4;
    writeFileSync(file, damaged);
    const target = mirror(context);
    const result = await importBundle({ file, target });
    for (const [digest, bytes] of target.contents) assert.equal(sha256(bytes), digest);
    if (!result.ok) assert.deepEqual(target.events, [], `byte ${at}`);
  }
});

/** A tar archive with these members, whatever they are. */
function archive(members: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat([
    ...members.flatMap(([name, content]) => [
      tarHeader({ name, sizeBytes: content.length }),
      Buffer.from(content),
      Buffer.alloc((512 - (content.length % 512)) % 512),
    ]),
    Buffer.alloc(1024),
  ]);
}

test("an archive with names that lead elsewhere, extra members or none is refused", async (context) => {
  const manifest = JSON.stringify({ format: "pilotlight-bundle", version: 1, created: "", pages: [], contents: [] });
  const [good, ...bad]: (readonly (readonly [string, string])[])[] = [
    [["manifest.json", manifest]],
    [],
    [["other.json", manifest]],
    [["manifest.json", "{}"]],
    [["manifest.json", manifest.replace(":1,", ":2,")]],
    [["manifest.json", "[".repeat(100_000)]],
    [
      ["manifest.json", manifest],
      ["../../../evil", "x"],
    ],
    [
      ["manifest.json", manifest],
      ["manifest.json", manifest],
    ],
  ];
  const file = newFile();
  writeFileSync(file, archive(good!));
  assert.ok((await importBundle({ file, target: mirror(context) })).ok);
  for (const members of bad) {
    writeFileSync(file, archive(members));
    const target = mirror(context);
    const result = await importBundle({ file, target });
    assert.ok(!result.ok);
    assert.equal(result.failure.code, "BUNDLE_DAMAGED");
  }
  writeFileSync(file, Buffer.concat([archive(good!), Buffer.from("more")]));
  assert.equal((await importBundle({ file, target: mirror(context) })).ok, false);
});

test("a page that lists what the bundle doesn't hold is refused", async (context) => {
  const page = JSON.stringify({
    name: "demo",
    files: [{ filename: "demo-1.0.tar.gz", url: "http://files.example/x", hashes: { sha256: sha256("x") }, coreMetadata: false }],
  });
  const entry = { project: "demo", index: "i", fetchedAtMs: 0, sha256: sha256(page), sizeBytes: page.length };
  const manifest = JSON.stringify({ format: "pilotlight-bundle", version: 1, created: "", pages: [entry], contents: [] });
  const file = newFile();
  writeFileSync(
    file,
    archive([
      ["manifest.json", manifest],
      [`pages/${entry.sha256}.json`, page],
    ]),
  );
  const result = await importBundle({ file, target: mirror(context) });
  assert.ok(!result.ok);
  assert.match(result.failure.message, /lists demo-1.0.tar.gz, which it doesn't hold/);
});

test("a page that gives a file another size than the bundle's is refused", async (context) => {
  const whole = readFileSync(await exported(context, "demo==1.0"));
  const at = whole.indexOf('"sizeBytes":5');
  assert.notEqual(at, -1, "of the sdist, in its page");
  const page = whole.subarray(whole.lastIndexOf('{"name"', at), whole.indexOf("\0", at)).toString();
  const lying = page.replace('"sizeBytes":5', '"sizeBytes":6');
  const file = newFile();
  // Both are as long: only the hash of the page has to be put right, in the manifest and in its name.
  const text = whole.toString("latin1").replaceAll(sha256(page), sha256(lying)).replace(page, lying);
  writeFileSync(file, withChecksum(Buffer.from(text, "latin1"), `pages/${sha256(lying)}.json`));
  const result = await importBundle({ file, target: mirror(context) });
  assert.ok(!result.ok);
  assert.match(result.failure.message, /lists demo-1.0.tar.gz, which it doesn't hold so/);
});

/** Puts the header's checksum right of the member that was renamed. */
function withChecksum(bundle: Buffer, name: string): Buffer {
  const at = bundle.indexOf(name);
  const sizeBytes = Number.parseInt(bundle.toString("latin1", at + 124, at + 135), 8);
  tarHeader({ name, sizeBytes }).copy(bundle, at);
  return bundle;
}

test("a bundle that contradicts what the mirror knows is refused, and one that adds to it is joined", async (context) => {
  const file = await exported(context, "demo==1.0");
  const target = mirror(context);
  target.publish("demo", [{ filename: "demo-1.0.tar.gz", content: "another sdist" }]);
  await target.page("demo", true);
  const refused = await importBundle({ file, target });
  assert.ok(!refused.ok);
  assert.equal(refused.failure.code, "BUNDLE_CONFLICT");
  assert.equal(target.commits, 0);

  const friend = mirror(context);
  friend.publish("demo", [{ filename: "demo-9.0.tar.gz", content: "kept" }]);
  await friend.page("demo", true);
  assert.ok((await importBundle({ file, target: friend })).ok);
  assert.equal(friend.pages.get("demo")!.page.files.length, 3);
});

test("an import that a full disk stops shows no page, and goes on when it is run again", async (context) => {
  const file = await exported(context);
  const target = mirror(context);
  let commitCount = 0;
  target.onCommit = () => {
    if (++commitCount >= 3) throw new Error("the disk is full");
  };
  const stopped = await importBundle({ file, target });
  assert.ok(!stopped.ok);
  assert.equal(stopped.failure.code, "BUNDLE_STORE_FAILED");
  assert.equal(target.pages.size, 0);
  target.onCommit = () => {};
  const again = await importBundle({ file, target });
  assert.ok(again.ok);
  assert.equal(again.value.addedCount, 3);
});

test("a bundle larger than what the mirror keeps is refused: half of it would be dropped at once", async (context) => {
  const target = mirror(context);
  target.maxBytes = 1_000;
  const result = await importBundle({ file: await exported(context), target });
  assert.ok(!result.ok);
  assert.equal(result.failure.code, "BUNDLE_TOO_LARGE");
});

test("a bundle that isn't there, or is no file, is told", async (context) => {
  for (const [file, code] of [
    [join(dir, "nowhere"), "BUNDLE_UNREADABLE"],
    [dir, "BUNDLE_DAMAGED"],
  ] as const) {
    const result = await importBundle({ file, target: mirror(context) });
    assert.ok(!result.ok);
    assert.equal(result.failure.code, code);
  }
});

test("the proof names rotten bytes, a file that is gone and metadata that is gone", async (context) => {
  const file = await exported(context);
  const target = mirror(context);
  await importBundle({ file, target });
  target.contents.set(sha256(BIG), Buffer.from("rotten"));
  target.contents.delete(sha256("sdist"));
  target.contents.delete(sha256("Name: other"));
  const { isComplete, missing, fileCount } = await verifyLock({ lock: await lock(), source: target });
  assert.equal(isComplete, false);
  assert.equal(fileCount, 1);
  assert.deepEqual([...missing].sort(), [
    `demo-1.0-py3-none-any.whl: its sha256 is ${sha256("rotten")}, not ${sha256(BIG)}`,
    "demo-1.0.tar.gz: the mirror has not kept it",
    "other-3.0-py3-none-any.whl.metadata: the mirror has not kept it",
  ]);
  assert.equal(target.openReaders, 0);
});

test("what comes from no index is told and not asked for", async (context) => {
  const text = "demo @ https://files.example/demo.zip\nother==3.0";
  const source = online(context);
  const result = await exportBundle({ lock: await lock(text), source, outFile: newFile(), createdMs: 0 });
  assert.ok(result.ok);
  assert.deepEqual(result.value.warnings, ["demo comes from an address, not from an index"]);
  assert.equal(source.pages.has("demo"), false);
});

test("progress counts up to its total in every phase", async (context) => {
  const seen = new Map<string, BundleProgress>();
  const onProgress = (progress: BundleProgress) => {
    assert.equal(progress.doneCount, (seen.get(progress.phase)?.doneCount ?? 0) + 1);
    seen.set(progress.phase, progress);
  };
  const file = newFile();
  await exportBundle({ lock: await lock(), source: online(context), outFile: file, createdMs: 0, onProgress });
  const target = mirror(context);
  await importBundle({ file, target, onProgress });
  await verifyLock({ lock: await lock(), source: target, onProgress });
  assert.deepEqual([...seen.keys()], ["pages", "fetch", "write", "check", "import", "verify"]);
  for (const { doneCount, totalCount } of seen.values()) assert.equal(doneCount, totalCount);
});
