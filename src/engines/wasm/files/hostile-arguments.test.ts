import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ERRNO } from "../../../../guest/wasi/abi.ts";
import { FILE_OPERATION } from "../../../../guest/wasi/file-operations.ts";
import { type FileGuest, MEMORY_BYTES, scene } from "../../../../test/support/file-guest.ts";
import fc from "../../../../test/support/properties.ts";

/** d: descriptor, p: pointer, n: length or count, f: flags, l: 64 bits. */
const SIGNATURES: Readonly<Record<string, string>> = {
  fd_advise: "dllf",
  fd_allocate: "dll",
  fd_close: "d",
  fd_datasync: "d",
  fd_fdstat_get: "dp",
  fd_fdstat_set_flags: "df",
  fd_fdstat_set_rights: "dll",
  fd_filestat_get: "dp",
  fd_filestat_set_size: "dl",
  fd_filestat_set_times: "dllf",
  fd_pread: "dpnlp",
  fd_prestat_dir_name: "dpn",
  fd_prestat_get: "dp",
  fd_pwrite: "dpnlp",
  fd_read: "dpnp",
  fd_readdir: "dpnlp",
  fd_renumber: "dd",
  fd_seek: "dlfp",
  fd_sync: "d",
  fd_tell: "dp",
  fd_write: "dpnp",
  path_create_directory: "dpn",
  path_filestat_get: "dfpnp",
  path_filestat_set_times: "dfpnllf",
  path_link: "dfpndpn",
  path_open: "dfpnfllfp",
  path_readlink: "dpnpnp",
  path_remove_directory: "dpn",
  path_rename: "dpndpn",
  path_symlink: "pndpn",
  path_unlink_file: "dpn",
};

const KNOWN_ERRNOS: ReadonlySet<number> = new Set(Object.values(ERRNO));

/** Paths that lie where small pointers point. */
const PATHS = [
  "..",
  "/",
  "a",
  "a/..",
  "../outside/secret",
  "folder/file",
  "link",
  "link/secret",
  "loop",
  "a\0b",
  "x".repeat(300),
  "folder/",
  ".",
];
const PATH_SPACING = 64;

const word = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));
const ARGUMENT: Readonly<Record<string, fc.Arbitrary<number | bigint>>> = {
  d: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 8 }) }, { weight: 1, arbitrary: word }),
  p: fc.oneof(
    { weight: 8, arbitrary: fc.nat(PATHS.length).map((index) => index * PATH_SPACING) },
    { weight: 2, arbitrary: fc.integer({ min: MEMORY_BYTES - 70, max: MEMORY_BYTES + 10 }) },
    { weight: 1, arbitrary: word },
  ),
  n: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 20 }) }, { weight: 1, arbitrary: word }),
  f: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 31 }) }, { weight: 1, arbitrary: word }),
  l: fc.oneof(fc.bigInt({ min: 0n, max: 64n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constant(-1n)),
};

const step = fc
  .constantFrom(...Object.keys(SIGNATURES))
  .chain((name) => fc.tuple(fc.constant(name), fc.tuple(...[...SIGNATURES[name]!].map((kind) => ARGUMENT[kind]!))));

function layPaths({ guest }: FileGuest): void {
  for (const [index, path] of PATHS.entries()) guest.memory.bytes.set(Buffer.from(path.slice(0, PATH_SPACING - 1)), index * PATH_SPACING);
}

test("the table of signatures names every import of files and folders", (t) => {
  const names = Object.keys(scene(t).guest().imports).filter((name) => name.startsWith("fd_") || name.startsWith("path_"));
  assert.deepEqual(names.sort(), Object.keys(SIGNATURES).sort());
});

test("no arguments make an import throw, answer with no error code of WASI, or reach the outside", (t) => {
  const { inside, outside, guest } = scene(t);
  writeFileSync(join(outside, "secret"), "secret");
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      mkdirSync(join(inside, "folder"), { recursive: true });
      writeFileSync(join(inside, "folder/file"), "content");
      for (const [name, target] of [
        ["link", outside],
        ["loop", "loop"],
      ] as const) {
        if (!readdirSync(inside).includes(name)) symlinkSync(target, join(inside, name));
      }
      const process = guest({ openMaxCount: 8 });
      layPaths(process);
      for (const [name, args] of steps) {
        const errno = process.call(name, ...args);
        assert.ok(KNOWN_ERRNOS.has(errno), `${name}(${args.join()}) gave ${errno}`);
      }
      process.hostFiles.closeOpened();
      assert.deepEqual(readdirSync(outside), ["secret"]);
      assert.equal(readFileSync(join(outside, "secret"), "utf8"), "secret");
    }),
    { numRuns: 300 },
  );
});

test("no numbers over the channel make the host throw or reach the outside", (t) => {
  const { inside, outside, guest } = scene(t);
  writeFileSync(join(outside, "secret"), "secret");
  writeFileSync(join(inside, "a"), "content");
  symlinkSync(outside, join(inside, "link"));
  const { hostFiles, guest: process } = guest({ openMaxCount: 8 });
  const { window } = process.channel;
  const operations = Object.values(FILE_OPERATION).filter((operation) => operation !== FILE_OPERATION.setSize);
  const number = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -1, max: 20 }) },
    { weight: 1, arbitrary: fc.integer() },
    { weight: 1, arbitrary: fc.double() },
    { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 53), 4_097) },
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...operations, 111, 199, 150),
      fc.tuple(number, number, number, number, number),
      fc.constantFrom(...PATHS),
      fc.constantFrom(...PATHS),
      (operation, [a, b, c, d, e], path, secondPath) => {
        window.set(Buffer.from(path));
        window.set(Buffer.from(secondPath), 4_096);
        const result = hostFiles.serve(operation, a, b, c, d, e);
        assert.ok(Number.isSafeInteger(result) && result >= -76, `${operation}(${a}, ${b}, ${c}, ${d}) gave ${result}`);
        assert.deepEqual(readdirSync(outside), ["secret"]);
        assert.equal(readFileSync(join(outside, "secret"), "utf8"), "secret");
      },
    ),
    { numRuns: 3_000 },
  );
});
