import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CONTENT_AT, type FileGuest, MEMORY_BYTES, scene } from "../../test/support/file-guest.ts";
import { ERRNO, FDFLAGS, FILETYPE, FSTFLAGS, LOOKUPFLAGS, OFLAGS, RIGHTS, WHENCE } from "./abi.ts";
import { NOTED } from "./channel.ts";

const READ_WRITE =
  RIGHTS.fdRead |
  RIGHTS.fdWrite |
  RIGHTS.fdSeek |
  RIGHTS.fdTell |
  RIGHTS.fdFilestatGet |
  RIGHTS.fdFilestatSetSize |
  RIGHTS.fdFdstatSetFlags |
  RIGHTS.fdFilestatSetTimes;

function seek(guest: FileGuest, fd: number, offset: bigint, whence: number): bigint | number {
  const errno = guest.call("fd_seek", fd, offset, whence, guest.resultAt);
  return errno === ERRNO.success ? guest.view.getBigUint64(guest.resultAt, true) : errno;
}

interface Entry {
  readonly name: string;
  readonly next: bigint;
  readonly ino: bigint;
  readonly filetype: number;
}

/** As wasi-libc reads a folder: until a buffer is not full, a cut entry again from its cookie. */
function listFolder(guest: FileGuest, fd: number, bufferBytes: number): Entry[] {
  const entries: Entry[] = [];
  for (let cookie = 0n; ; ) {
    assert.equal(guest.call("fd_readdir", fd, CONTENT_AT, bufferBytes, cookie, guest.resultAt), ERRNO.success);
    const used = guest.result;
    const { view } = guest;
    for (let at = CONTENT_AT; at + 24 <= CONTENT_AT + used; ) {
      const nameBytes = view.getUint32(at + 16, true);
      if (at + 24 + nameBytes > CONTENT_AT + used) break;
      const name = Buffer.from(guest.guest.memory.slice(at + 24, nameBytes)).toString("latin1");
      cookie = view.getBigUint64(at, true);
      entries.push({ name, next: cookie, ino: view.getBigUint64(at + 8, true), filetype: view.getUint8(at + 20) });
      at += 24 + nameBytes;
    }
    if (used < bufferBytes) return entries;
  }
}

test("a file is opened, read in one go and closed with three host calls", (t) => {
  const { inside, guest } = scene(t);
  writeFileSync(join(inside, "a"), Buffer.alloc(65_536, 7));
  const process = guest();
  process.hostCallCount = 0;
  const fd = process.open("a");
  assert.equal((process.read(fd, 65_536) as Buffer).equals(Buffer.alloc(65_536, 7)), true);
  assert.equal(process.call("fd_close", fd), ERRNO.success);
  assert.equal(process.hostCallCount, 3);
  assert.equal(process.guest.noted & (NOTED.openedFile | NOTED.usedHost), NOTED.openedFile);
});

test("content larger than the window passes whole, through buffers of every size", (t) => {
  const { inside, guest } = scene(t);
  const content = Buffer.from(Array.from({ length: 150_000 }, (_, index) => (index * 31) % 251));
  const process = guest();
  const fd = process.open("big", { oflags: OFLAGS.creat, rights: READ_WRITE });
  process.guest.memory.bytes.set(content, CONTENT_AT);
  const ranges = [
    [CONTENT_AT, 0],
    [CONTENT_AT, 1],
    [CONTENT_AT + 1, 70_000],
    [CONTENT_AT + 70_001, 0],
    [CONTENT_AT + 70_001, 79_999],
  ] as const;
  assert.equal(process.call("fd_write", fd, ...process.iovecs(ranges), process.resultAt), ERRNO.success);
  assert.equal(process.result, content.length);
  assert.equal(readFileSync(join(inside, "big")).equals(content), true);
  assert.equal(process.guest.noted & NOTED.usedHost, NOTED.usedHost);

  process.guest.memory.bytes.fill(0, CONTENT_AT);
  assert.equal(seek(process, fd, 0n, WHENCE.set), 0n);
  assert.equal(process.call("fd_read", fd, ...process.iovecs([...ranges, [CONTENT_AT + 150_000, 100]]), process.resultAt), ERRNO.success);
  assert.equal(process.result, content.length);
  assert.equal(process.content(content.length).equals(content), true);
  assert.equal(seek(process, fd, 0n, WHENCE.cur), BigInt(content.length));
});

test("positions move by reading, writing and seeking, not by pread and pwrite", (t) => {
  const { inside, guest } = scene(t);
  writeFileSync(join(inside, "a"), "0123456789");
  const process = guest();
  const fd = process.open("a", { rights: READ_WRITE });
  assert.equal(String(process.read(fd, 4)), "0123");
  process.iovecs([[CONTENT_AT, 2]]);
  assert.equal(process.call("fd_pread", fd, ...process.iovecs([[CONTENT_AT, 3]]), 7n, process.resultAt), ERRNO.success);
  assert.equal(String(process.content(process.result)), "789");
  assert.equal(process.call("fd_tell", fd, process.resultAt), ERRNO.success);
  assert.equal(process.view.getBigUint64(process.resultAt, true), 4n);
  assert.equal(seek(process, fd, -2n, WHENCE.end), 8n);
  assert.equal(process.write(fd, "AB"), 2);
  assert.equal(seek(process, fd, -20n, WHENCE.cur), ERRNO.inval);
  assert.equal(seek(process, fd, 0n, 9), ERRNO.inval);
  assert.equal(seek(process, fd, 0n, WHENCE.cur), 10n);
  assert.equal(seek(process, fd, 2n ** 62n, WHENCE.set), ERRNO.inval);
  process.guest.memory.bytes.set(Buffer.from("xy"), CONTENT_AT);
  assert.equal(process.call("fd_pwrite", fd, ...process.iovecs([[CONTENT_AT, 2]]), 0n, process.resultAt), ERRNO.success);
  assert.equal(readFileSync(join(inside, "a"), "utf8"), "xy234567AB");
  assert.equal(process.call("fd_pread", fd, ...process.iovecs([[CONTENT_AT, 3]]), -1n, process.resultAt), ERRNO.inval);
});

test("an appending file is written at its end wherever it stands, until the flag is taken away", (t) => {
  const { inside, guest } = scene(t);
  writeFileSync(join(inside, "log"), "one ");
  const process = guest();
  const fd = process.open("log", { rights: READ_WRITE, fdflags: FDFLAGS.append });
  writeFileSync(join(inside, "log"), "another's ", { flag: "a" });
  assert.equal(process.write(fd, "two"), 3);
  assert.equal(seek(process, fd, 0n, WHENCE.cur), 17n);
  assert.equal(process.call("fd_fdstat_set_flags", fd, 0), ERRNO.success);
  assert.equal(seek(process, fd, 0n, WHENCE.set), 0n);
  assert.equal(process.write(fd, "ONE"), 3);
  assert.equal(readFileSync(join(inside, "log"), "utf8"), "ONE another's two");
  assert.equal(process.call("fd_fdstat_set_flags", fd, 1024), ERRNO.inval);
});

test("rights can be given up and never come back, and no import does without them", (t) => {
  const { inside, guest } = scene(t);
  writeFileSync(join(inside, "a"), "abc");
  const process = guest();
  const fd = process.open("a", { rights: READ_WRITE });
  assert.equal(process.call("fd_fdstat_set_rights", fd, RIGHTS.fdSeek, 0n), ERRNO.success);
  assert.equal(process.call("fd_fdstat_set_rights", fd, RIGHTS.fdSeek | RIGHTS.fdRead, 0n), ERRNO.notcapable);
  assert.equal(process.read(fd, 1), ERRNO.badf);
  assert.equal(process.write(fd, "x"), -ERRNO.badf);
  assert.equal(process.call("fd_filestat_get", fd, 512), ERRNO.notcapable);
  assert.equal(process.call("fd_filestat_set_size", fd, 0n), ERRNO.badf);
  assert.equal(process.call("fd_filestat_set_times", fd, 0n, 0n, FSTFLAGS.mtimNow), ERRNO.notcapable);
  assert.equal(process.call("fd_sync", fd), ERRNO.notcapable);
  assert.equal(process.call("fd_advise", fd, 0n, 0n, 0), ERRNO.notcapable);

  const folderRights = RIGHTS.pathOpen;
  assert.equal(process.call("fd_fdstat_set_rights", 3, folderRights, RIGHTS.fdRead), ERRNO.success);
  const calls: [string, ...(number | bigint)[]][] = [
    ["path_create_directory", 3, ...process.path("new")],
    ["path_remove_directory", 3, ...process.path("new")],
    ["path_unlink_file", 3, ...process.path("a")],
    ["path_filestat_get", 3, 0, ...process.path("a"), 512],
    ["path_filestat_set_times", 3, 0, ...process.path("a"), 0n, 0n, 0],
    ["path_readlink", 3, ...process.path("a"), CONTENT_AT, 10, process.resultAt],
    ["path_symlink", ...process.path("a"), 3, ...process.secondPath("b")],
    ["path_link", 3, 0, ...process.path("a"), 3, ...process.secondPath("b")],
    ["path_rename", 3, ...process.path("a"), 3, ...process.secondPath("b")],
    ["fd_readdir", 3, CONTENT_AT, 100, 0n, process.resultAt],
    ["fd_filestat_get", 3, 512],
  ];
  for (const [name, ...args] of calls) assert.equal(process.call(name, ...args), ERRNO.notcapable, name);
  assert.equal(process.open("a", { oflags: OFLAGS.creat }), -ERRNO.notcapable);
  assert.equal(process.open("a", { oflags: OFLAGS.trunc }), -ERRNO.notcapable);
  const readOnly = process.open("a", { rights: READ_WRITE });
  assert.equal(process.write(readOnly, "x"), -ERRNO.badf);
  assert.equal(readFileSync(join(inside, "a"), "utf8"), "abc");
});

test("streams are told apart from files by every import", (t) => {
  const process = scene(t).guest();
  assert.equal(process.call("fd_seek", 1, 0n, 0, process.resultAt), ERRNO.spipe);
  assert.equal(process.call("fd_tell", 0, process.resultAt), ERRNO.spipe);
  assert.equal(process.call("fd_pread", 0, ...process.iovecs([]), 0n, process.resultAt), ERRNO.spipe);
  assert.equal(process.call("fd_readdir", 0, CONTENT_AT, 100, 0n, process.resultAt), ERRNO.badf);
  assert.equal(process.call("fd_prestat_get", 0, process.resultAt), ERRNO.badf);
  assert.equal(process.open("a", { fd: 1 }), -ERRNO.badf);
  assert.equal(process.call("fd_filestat_get", 1, 512), ERRNO.success);
  assert.equal(process.call("fd_close", 1), ERRNO.success);
  assert.equal(process.call("fd_close", 1), ERRNO.badf);
});

test("a renumbered file takes the place of another, which is closed; a stream can be moved too", (t) => {
  const { inside, guest } = scene(t);
  writeFileSync(join(inside, "a"), "A");
  writeFileSync(join(inside, "b"), "B");
  const process = guest({ openMaxCount: 2 });
  const [a, b] = [process.open("a"), process.open("b")];
  assert.equal(process.open("a"), -ERRNO.mfile);
  assert.equal(process.call("fd_renumber", a, b), ERRNO.success);
  assert.equal(String(process.read(b, 10)), "A");
  assert.equal(process.read(a, 10), ERRNO.badf);
  assert.equal(process.open("a"), a);
  assert.equal(process.call("fd_renumber", a, 99), ERRNO.badf);
  assert.equal(process.call("fd_renumber", b, 0), ERRNO.success);
  assert.equal(process.guest.descriptors.get(0)?.kind, "file");
});

test("a folder is listed whole through any buffer, with the numbers and types of its entries", (t) => {
  const { inside, guest } = scene(t);
  const names = Array.from({ length: 2_000 }, (_, index) => `file-${index}`.padEnd((index % 200) + 10, "x"));
  for (const name of names) writeFileSync(join(inside, name), "");
  mkdirSync(join(inside, "folder"));
  symlinkSync("nowhere", join(inside, "link"));
  const process = guest();
  const fd = process.open(".", { oflags: OFLAGS.directory });
  for (const bufferBytes of [4_096, 300, 65_536, 300_000]) {
    const entries = listFolder(process, fd, bufferBytes);
    assert.deepEqual(entries.map(({ name }) => name).sort(), [".", "..", "folder", "link", ...names].sort());
    const byName = new Map(entries.map((entry) => [entry.name, entry]));
    assert.equal(byName.get(".")?.ino, statSync(inside, { bigint: true }).ino);
    assert.equal(byName.get("..")?.ino, 0n);
    assert.equal(byName.get("folder")?.filetype, FILETYPE.directory);
    assert.equal(byName.get("link")?.filetype, FILETYPE.symbolicLink);
    assert.equal(byName.get(names[0]!)?.filetype, FILETYPE.regularFile);
    assert.equal(byName.get(names[7]!)?.ino, statSync(join(inside, names[7]!), { bigint: true }).ino);
  }
  assert.equal(process.call("fd_readdir", fd, CONTENT_AT, 100, 1_000_000n, process.resultAt), ERRNO.success);
  assert.equal(process.result, 0);
});

test("files removed while their folder is read hide no other", (t) => {
  const { inside, guest } = scene(t);
  for (let index = 0; index < 100; index++) writeFileSync(join(inside, `file-${index}`), "");
  const process = guest();
  const seen = new Set<string>();
  for (let cookie = 0n; ; ) {
    process.call("fd_readdir", 3, CONTENT_AT, 200, cookie, process.resultAt);
    const used = process.result;
    let at = CONTENT_AT;
    const names: string[] = [];
    while (at + 24 <= CONTENT_AT + used) {
      const nameBytes = process.view.getUint32(at + 16, true);
      if (at + 24 + nameBytes > CONTENT_AT + used) break;
      cookie = process.view.getBigUint64(at, true);
      names.push(Buffer.from(process.guest.memory.slice(at + 24, nameBytes)).toString());
      at += 24 + nameBytes;
    }
    for (const name of names) {
      seen.add(name);
      if (!name.startsWith(".")) assert.equal(process.call("path_unlink_file", 3, ...process.path(name)), ERRNO.success);
    }
    if (used < 200) break;
  }
  assert.equal(seen.size, 102);
});

test("names are bytes: what is no UTF-8 is made, listed and opened like any other", { skip: process.platform !== "linux" }, (t) => {
  const guest = scene(t).guest();
  const name = Buffer.from([0x66, 0xff, 0xfe, 0xc0, 0x80]);
  const fd = guest.open(name, { oflags: OFLAGS.creat, rights: READ_WRITE });
  assert.equal(guest.write(fd, "x"), 1);
  assert.equal(listFolder(guest, 3, 4_096).at(-1)?.name, name.toString("latin1"));
  assert.equal(String(guest.read(guest.open(name), 5)), "x");
});

test("times are told as they were set, to the nanosecond, and left alone where they were not", (t) => {
  const { inside, guest } = scene(t);
  writeFileSync(join(inside, "a"), "");
  const process = guest();
  const fd = process.open("a", { rights: READ_WRITE });
  const stat = () => {
    assert.equal(process.call("fd_filestat_get", fd, 512), ERRNO.success);
    return { atim: process.view.getBigUint64(512 + 40, true), mtim: process.view.getBigUint64(512 + 48, true) };
  };
  const before = stat();
  assert.equal(process.call("fd_filestat_set_times", fd, 5n, before.mtim - 100n, FSTFLAGS.mtim), ERRNO.success);
  assert.deepEqual(stat(), { atim: before.atim, mtim: before.mtim - 100n });
  assert.equal(process.call("path_filestat_set_times", 3, 0, ...process.path("a"), 1_234_567_891n, 0n, FSTFLAGS.atim), ERRNO.success);
  assert.deepEqual(stat(), { atim: 1_234_567_891n, mtim: before.mtim - 100n });
  assert.equal(statSync(join(inside, "a"), { bigint: true }).atimeNs, 1_234_567_891n);
  writeFileSync(join(inside, "a"), "changed");
  assert.notEqual(stat().mtim, before.mtim - 100n);
  const bothWays = FSTFLAGS.mtim | FSTFLAGS.mtimNow;
  assert.equal(process.call("fd_filestat_set_times", fd, 0n, 0n, bothWays), ERRNO.inval);
  assert.equal(process.call("fd_filestat_set_times", fd, 0n, 0n, 16), ERRNO.inval);
});

test("sizes are set, and what has no meaning on a folder is refused there", (t) => {
  const { inside, guest } = scene(t);
  const process = guest();
  const fd = process.open("a", { oflags: OFLAGS.creat, rights: READ_WRITE });
  assert.equal(process.call("fd_filestat_set_size", fd, 100n), ERRNO.success);
  assert.equal(statSync(join(inside, "a")).size, 100);
  assert.equal(process.call("fd_filestat_set_size", fd, -1n), ERRNO.fbig);
  assert.equal(process.read(3, 1), ERRNO.isdir);
  assert.equal(process.write(3, "x"), -ERRNO.badf);
  assert.equal(seek(process, 3, 0n, WHENCE.cur), ERRNO.badf);
  assert.equal(process.open(".", { rights: READ_WRITE }), -ERRNO.isdir);
  assert.equal(process.open("a", { fd }), -ERRNO.notdir);
  assert.equal(process.open("a/"), -ERRNO.notdir);
  assert.equal(process.open("new/", { oflags: OFLAGS.creat }), -ERRNO.isdir);
  assert.equal(process.open("new", { oflags: OFLAGS.creat | OFLAGS.directory }), -ERRNO.inval);
  assert.equal(process.open("a", { oflags: OFLAGS.creat | OFLAGS.excl }), -ERRNO.exist);
  assert.equal(process.open("a", { oflags: OFLAGS.directory }), -ERRNO.notdir);
});

test("paths that are none are refused by their own error codes", (t) => {
  const { inside, guest } = scene(t);
  mkdirSync(join(inside, "folder"));
  writeFileSync(join(inside, "file"), "");
  const process = guest();
  const cases: [string, number][] = [
    ["", ERRNO.noent],
    ["a\0b", ERRNO.inval],
    ["x".repeat(256), ERRNO.nametoolong],
    ["x/".repeat(2_100), ERRNO.nametoolong],
    ["missing/x", ERRNO.noent],
    ["file/x", ERRNO.notdir],
    ["/file", ERRNO.notcapable],
    ["folder/../../file", ERRNO.notcapable],
  ];
  for (const [path, errno] of cases) {
    assert.equal(process.open(path), -errno, `open ${path.slice(0, 20)}`);
    assert.equal(process.call("path_filestat_get", 3, 0, ...process.path(path), 512), errno, `stat ${path.slice(0, 20)}`);
    assert.equal(process.call("path_create_directory", 3, ...process.path(path)), errno, `mkdir ${path.slice(0, 20)}`);
    assert.equal(
      process.call("path_rename", 3, ...process.path("file"), 3, ...process.secondPath(path)),
      errno,
      `rename ${path.slice(0, 20)}`,
    );
    assert.equal(process.call("path_symlink", ...process.path("t"), 3, ...process.secondPath(path)), errno, `symlink ${path.slice(0, 20)}`);
  }
  for (const path of [".", "folder/..", "./"]) {
    assert.equal(process.call("path_create_directory", 3, ...process.path(path)), ERRNO.exist);
    assert.equal(process.call("path_remove_directory", 3, ...process.path(path)), ERRNO.inval);
    assert.equal(process.call("path_unlink_file", 3, ...process.path(path)), ERRNO.isdir);
    assert.equal(process.call("path_rename", 3, ...process.path(path), 3, ...process.secondPath("other")), ERRNO.busy);
    assert.equal(process.call("path_filestat_get", 3, 0, ...process.path(path), 512), ERRNO.success);
  }
});

test("links are followed where that is asked for, and after a trailing slash", (t) => {
  const { inside, guest } = scene(t);
  mkdirSync(join(inside, "folder/deep"), { recursive: true });
  writeFileSync(join(inside, "folder/file"), "content");
  symlinkSync("folder/./deep/../file", join(inside, "to-file"));
  symlinkSync("folder/", join(inside, "to-folder"));
  const process = guest();
  assert.equal(process.open("to-file"), -ERRNO.loop);
  assert.equal(String(process.read(process.open("to-file", { follows: true }), 20)), "content");
  assert.equal(String(process.read(process.open("to-folder/deep/../file"), 20)), "content");
  assert.equal(process.open("to-folder", { oflags: OFLAGS.directory }), -ERRNO.notdir);
  assert.ok(process.open("to-folder/", { oflags: OFLAGS.directory }) > 3);
  assert.ok(process.open("to-folder", { oflags: OFLAGS.directory, follows: true }) > 3);
  const type = (path: string, lookup: number): number => {
    assert.equal(process.call("path_filestat_get", 3, lookup, ...process.path(path), 512), ERRNO.success);
    return process.view.getUint8(512 + 16);
  };
  assert.equal(type("to-file", 0), FILETYPE.symbolicLink);
  assert.equal(type("to-file", LOOKUPFLAGS.symlinkFollow), FILETYPE.regularFile);
  assert.equal(type("to-folder/", 0), FILETYPE.directory);
  assert.equal(process.call("path_readlink", 3, ...process.path("to-file"), CONTENT_AT, 6, process.resultAt), ERRNO.success);
  assert.equal(String(process.content(process.result)), "folder");
  assert.equal(process.call("path_readlink", 3, ...process.path("folder"), CONTENT_AT, 6, process.resultAt), ERRNO.inval);
});

test("a result pointer outside the memory is refused before anything is opened", (t) => {
  const { inside, guest } = scene(t);
  const process = guest({ openMaxCount: 1 });
  const errno = process.call("path_open", 3, 0, ...process.path("new"), OFLAGS.creat, READ_WRITE, 0n, 0, MEMORY_BYTES - 3);
  assert.equal(errno, ERRNO.fault);
  assert.equal(statSync(join(inside, "new"), { throwIfNoEntry: false }), undefined);
});
