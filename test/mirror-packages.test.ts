/**
 * The folder of packages: what it tells of files that come, change and go, with
 * a thread that reads them.
 */
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { stampOfPath } from "../src/base/file-stamp.ts";
import { sha256 } from "../src/base/sha256.ts";
import { SECOND_MS } from "../src/base/units.ts";
import { folderUrl } from "../src/mirror/packages/folder-url.ts";
import { openPackagesFolder, type PackagesFolderOptions } from "../src/mirror/packages/open-packages-folder.ts";
import type { Packages } from "../src/mirror/packages/packages.ts";
import { wheelArchive } from "./support/zip-archive.ts";

const base = mkdtempSync(join(tmpdir(), "pilotlight-packages-"));
after(() => rmSync(base, { recursive: true }));

const UPLOADED = new Date("2026-01-02T03:04:05.000Z");
const WHEEL = "demo-1.0-py3-none-any.whl";

interface Opened {
  readonly dir: string;
  readonly packages: Packages;
  readonly told: string[];
  /** With a time long ago, as a copied file has it. */
  put(name: string, content: string | Uint8Array): string;
}

let folderCount = 0;

async function open(context: TestContext, options: Partial<PackagesFolderOptions> = {}): Promise<Opened> {
  const dir = join(base, String(folderCount++));
  mkdirSync(dir);
  const told: string[] = [];
  const opened = await openPackagesFolder(dir, { log: (_level, message) => told.push(message), lookEveryMs: 0, settleMs: 100, ...options });
  assert.ok(opened.ok);
  const packages = opened.value;
  context.after(() => packages.close());
  const put = (name: string, content: string | Uint8Array) => {
    const path = join(dir, name);
    writeFileSync(path, content);
    utimesSync(path, UPLOADED, UPLOADED);
    return path;
  };
  return { dir, packages, told, put };
}

/** Until a change in place was noticed: that happens beside the asking. */
async function revisionAfter(packages: Packages, before: number): Promise<number> {
  const endMs = performance.now() + 10 * SECOND_MS;
  while (packages.revision === before && performance.now() < endMs) await delay(5);
  return packages.revision;
}

test("a wheel is listed with its hash, size, time and the Python it asks for", async (context) => {
  const { packages, put } = await open(context);
  const wheel = wheelArchive("demo", "1.0", ["Requires-Python: >=3.9"]);
  const path = put(WHEEL, wheel);
  const sdist = put("demo-0.9.tar.gz", "no archive, but who knows");
  assert.deepEqual(packages.names(), ["demo"]);
  assert.equal(packages.owns("demo"), true);
  assert.equal(packages.owns("other"), false);
  const common = { uploadTime: UPLOADED.toISOString(), yanked: false, coreMetadata: false, gpgSignature: false, provenance: null };
  assert.deepEqual(await packages.page("demo"), {
    name: "demo",
    files: [
      {
        filename: "demo-0.9.tar.gz",
        url: folderUrl({ path: sdist, stamp: stampOfPath(sdist) }),
        hashes: { sha256: sha256("no archive, but who knows") },
        requiresPython: null,
        sizeBytes: 25,
        ...common,
      },
      {
        filename: WHEEL,
        url: folderUrl({ path, stamp: stampOfPath(path) }),
        hashes: { sha256: sha256(wheel) },
        requiresPython: ">=3.9",
        sizeBytes: wheel.length,
        ...common,
      },
    ],
    versions: ["0.9", "1.0"],
    status: null,
    tracks: [],
    alternateLocations: [],
    lastSerial: null,
  });
  assert.equal(await packages.page("other"), null);
});

test("the revision grows when a file comes or goes", async (context) => {
  const { dir, packages, put } = await open(context);
  const first = packages.revision;
  put("demo-1.0.tar.gz", "1");
  const second = packages.revision;
  assert.ok(second > first);
  assert.equal(packages.owns("demo"), true);
  assert.equal(packages.revision, second);
  rmSync(join(dir, "demo-1.0.tar.gz"));
  assert.ok(packages.revision > second);
  assert.equal(packages.owns("demo"), false);
  assert.equal(await packages.page("demo"), null);
});

test("a file written over in place gets its new hash, and the revision grows", async (context) => {
  const { packages, put } = await open(context);
  put("demo-1.0.tar.gz", "one");
  assert.equal((await packages.page("demo"))!.files[0]!.hashes["sha256"], sha256("one"));
  const before = packages.revision;
  put("demo-1.0.tar.gz", "two");
  assert.ok((await revisionAfter(packages, before)) > before);
  assert.equal((await packages.page("demo"))!.files[0]!.hashes["sha256"], sha256("two"));
});

test("the folder is looked at no more often than told", async (context) => {
  const { packages, put } = await open(context, { lookEveryMs: 3_600 * SECOND_MS });
  put("demo-1.0.tar.gz", "one");
  assert.equal(packages.owns("demo"), false);
});

test("a wheel that is not complete isn't listed, owns its name, and is listed once it is", async (context) => {
  const { packages, told, put } = await open(context);
  const wheel = wheelArchive("demo", "1.0");
  put(WHEEL, wheel.subarray(0, wheel.length - 1));
  assert.equal(packages.owns("demo"), true);
  assert.deepEqual((await packages.page("demo"))!.files, []);
  assert.ok(told.some((message) => message.includes("not complete")));
  const before = packages.revision;
  put(WHEEL, wheel);
  assert.ok((await revisionAfter(packages, before)) > before);
  assert.equal((await packages.page("demo"))!.files.length, 1);
});

test("a file that is still growing isn't listed, and is once it stopped", async (context) => {
  const { dir, packages } = await open(context, { settleMs: SECOND_MS });
  const path = join(dir, "demo-1.0.tar.gz");
  writeFileSync(path, "one ");
  const growing = packages.page("demo");
  await delay(20);
  appendFileSync(path, "two");
  assert.deepEqual((await growing)!.files, []);
  await revisionAfter(packages, packages.revision);
  assert.equal((await packages.page("demo"))!.files[0]!.hashes["sha256"], sha256("one two"));
});

test("a folder that isn't there, or is none, is refused with what to do", async () => {
  writeFileSync(join(base, "file"), "");
  for (const [dir, reason] of [
    ["nowhere", "no such folder"],
    ["file", "it is no folder"],
  ] as const) {
    const opened = await openPackagesFolder(join(base, dir), { log: () => {} });
    assert.ok(!opened.ok);
    assert.equal(opened.failure.code, "PACKAGES_DIR_UNUSABLE");
    assert.ok(opened.failure.message.endsWith(reason), opened.failure.message);
  }
});

test("many files are read by one thread, each with its own hash", async (context) => {
  const { packages, put } = await open(context);
  for (let version = 0; version < 40; version++) put(`demo-${version}.tar.gz`, `content ${version}`);
  const { files } = (await packages.page("demo"))!;
  assert.equal(files.length, 40);
  for (const { filename, hashes } of files) assert.equal(hashes["sha256"], sha256(`content ${/-(\d+)/.exec(filename)![1]}`));
});
