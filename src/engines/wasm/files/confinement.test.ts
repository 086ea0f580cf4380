import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ERRNO, FILETYPE, FSTFLAGS, OFLAGS, RIGHTS } from "../../../../guest/wasi/abi.ts";
import { FILE_OPERATION } from "../../../../guest/wasi/file-operations.ts";
import { ALL_RIGHTS, CONTENT_AT, type FileGuest, scene } from "../../../../test/support/file-guest.ts";
import { byProvenPath, folderAccess } from "./folder-access.ts";
import { HostFiles } from "./host-files.ts";

const FOLLOW = 1;
const WRITING = RIGHTS.fdRead | RIGHTS.fdWrite;

/** Everything a guest can try at one path, by name, with what it came to. */
function everyAttempt(guest: FileGuest, path: string): Record<string, number> {
  const attempts: Record<string, () => number> = {
    "open to read": () => guest.open(path, { follows: true }),
    "open to write": () => guest.open(path, { follows: true, rights: WRITING }),
    create: () => guest.open(path, { follows: true, rights: WRITING, oflags: OFLAGS.creat }),
    "create anew": () => guest.open(path, { rights: WRITING, oflags: OFLAGS.creat | OFLAGS.excl }),
    truncate: () => guest.open(path, { follows: true, rights: WRITING, oflags: OFLAGS.trunc }),
    "open as folder": () => guest.open(path, { follows: true, oflags: OFLAGS.directory }),
    stat: () => -guest.call("path_filestat_get", 3, FOLLOW, ...guest.path(path), 512),
    "set times": () => -guest.call("path_filestat_set_times", 3, FOLLOW, ...guest.path(path), 0n, 0n, FSTFLAGS.mtim),
    mkdir: () => -guest.call("path_create_directory", 3, ...guest.path(`${path}/new`)),
    "stat below": () => -guest.call("path_filestat_get", 3, FOLLOW, ...guest.path(`${path}/secret`), 512),
    unlink: () => -guest.call("path_unlink_file", 3, ...guest.path(`${path}/secret`)),
    rmdir: () => -guest.call("path_remove_directory", 3, ...guest.path(`${path}/folder`)),
    "rename away": () => -guest.call("path_rename", 3, ...guest.path(`${path}/secret`), 3, ...guest.secondPath("stolen")),
    "rename there": () => -guest.call("path_rename", 3, ...guest.path("mine"), 3, ...guest.secondPath(`${path}/mine`)),
    "link away": () => -guest.call("path_link", 3, 0, ...guest.path(`${path}/secret`), 3, ...guest.secondPath("stolen")),
    "link there": () => -guest.call("path_link", 3, 0, ...guest.path("mine"), 3, ...guest.secondPath(`${path}/mine`)),
    symlink: () => -guest.call("path_symlink", ...guest.path("mine"), 3, ...guest.secondPath(`${path}/mine`)),
    readlink: () => -guest.call("path_readlink", 3, ...guest.path(`${path}/secret-link`), CONTENT_AT, 100, guest.resultAt),
  };
  return Object.fromEntries(Object.entries(attempts).map(([name, attempt]) => [name, attempt()]));
}

function snapshot(folder: string): unknown {
  return readdirSync(folder, { withFileTypes: true }).map((entry) => {
    const { mtimeMs, nlink, size } = statSync(join(folder, entry.name), { throwIfNoEntry: false }) ?? {};
    return [entry.name, mtimeMs, nlink, size];
  });
}

for (const [how, access] of [
  ["by descriptors", folderAccess()],
  ["by proven paths", byProvenPath],
] as const) {
  test(`nothing outside is reached by parents, absolute paths and links (${how})`, (t) => {
    const { inside, outside, guest } = scene(t);
    writeFileSync(join(outside, "secret"), "secret");
    mkdirSync(join(outside, "folder"));
    symlinkSync("secret", join(outside, "secret-link"));
    mkdirSync(join(inside, "a/b"), { recursive: true });
    writeFileSync(join(inside, "mine"), "mine");
    const links: Record<string, string> = {
      absolute: outside,
      relative: "../outside",
      chained: "chain-1",
      "chain-1": "a/chain-2",
      "a/chain-2": "b/chain-3",
      "a/b/chain-3": "../../../outside",
      loop: "loop",
      ping: "pong",
      pong: "ping",
      dotted: "a/./b/../../../outside",
      "through-proc": "/proc/self/cwd",
    };
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(inside, name));
    const before = snapshot(outside);
    const process = guest({ access });
    const paths = [
      "..",
      "../outside",
      "a/../../outside",
      outside,
      "/",
      "//",
      "absolute",
      "relative",
      "chained",
      "dotted",
      "a/chain-2",
      "through-proc",
    ];
    for (const path of paths) {
      for (const [name, result] of Object.entries(everyAttempt(process, path))) {
        // Without following, a last link itself is what EXIST is about.
        const isLinkItself = name === "create anew" && result === -ERRNO.exist;
        assert.ok(result === -ERRNO.notcapable || isLinkItself, `${name} at ${path} gave ${result}`);
      }
    }
    for (const path of ["loop", "ping", "loop/x"]) assert.equal(process.open(path, { follows: true }), -ERRNO.loop);
    assert.deepEqual(snapshot(outside), before);
    assert.equal(existsSync(join(inside, "stolen")), false);
    assert.equal(readFileSync(join(inside, "mine"), "utf8"), "mine");
  });
}

test("a link that the guest makes to the outside leads nowhere", (t) => {
  const { inside, outside, guest } = scene(t);
  writeFileSync(join(outside, "secret"), "secret");
  mkdirSync(join(inside, "deep"));
  const process = guest();
  assert.equal(process.call("path_symlink", ...process.path(outside), 3, ...process.secondPath("x")), ERRNO.notcapable);
  assert.equal(process.call("path_symlink", ...process.path("../outside/secret"), 3, ...process.secondPath("deep/x")), ERRNO.success);
  assert.equal(process.open("deep/x", { follows: true }), -ERRNO.noent);
  // Moved up, the same words would lead out.
  assert.equal(process.call("path_rename", 3, ...process.path("deep/x"), 3, ...process.secondPath("x")), ERRNO.success);
  assert.equal(process.open("x", { follows: true, rights: WRITING }), -ERRNO.notcapable);
  assert.equal(process.call("path_unlink_file", 3, ...process.path("x")), ERRNO.success);
  assert.equal(readFileSync(join(outside, "secret"), "utf8"), "secret");
});

test("a link is a name of its own to unlink, rename and set times, whatever it leads to", (t) => {
  const { inside, outside, guest } = scene(t);
  writeFileSync(join(outside, "secret"), "secret");
  symlinkSync(join(outside, "secret"), join(inside, "x"));
  symlinkSync(outside, join(inside, "folder"));
  const before = snapshot(outside);
  const process = guest();
  assert.equal(process.call("path_filestat_set_times", 3, 0, ...process.path("x"), 0n, 1_000n, FSTFLAGS.mtim), ERRNO.success);
  assert.equal(process.call("path_readlink", 3, ...process.path("x"), CONTENT_AT, 100, process.resultAt), ERRNO.notcapable);
  assert.equal(process.call("path_rename", 3, ...process.path("x"), 3, ...process.secondPath("y")), ERRNO.success);
  assert.equal(process.call("path_unlink_file", 3, ...process.path("y")), ERRNO.success);
  assert.equal(process.call("path_remove_directory", 3, ...process.path("folder/")), ERRNO.notdir);
  assert.equal(process.call("path_create_directory", 3, ...process.path("folder/")), ERRNO.exist);
  assert.equal(process.call("path_unlink_file", 3, ...process.path("folder/")), ERRNO.notdir);
  assert.deepEqual(snapshot(outside), before);
});

test("a folder that was opened stays the guest's limit when it is renamed or replaced by a link", (t) => {
  const { inside, outside, root, guest } = scene(t);
  mkdirSync(join(inside, "folder"));
  writeFileSync(join(inside, "folder/file"), "inside");
  writeFileSync(join(outside, "file"), "outside");
  const process = guest();
  const fd = process.open("folder", { oflags: OFLAGS.directory });
  renameSync(join(inside, "folder"), join(inside, "moved"));
  symlinkSync(outside, join(inside, "folder"));
  assert.equal(String(process.read(process.open("file", { fd }), 20)), "inside");
  assert.equal(process.open("..", { fd }), -ERRNO.notcapable);
  assert.equal(process.open("folder/file"), -ERRNO.notcapable);
  // The shared folder itself, too.
  renameSync(inside, join(root, "elsewhere"));
  symlinkSync(outside, inside);
  assert.equal(String(process.read(process.open("moved/file"), 20)), "inside");
});

test("a second process that swaps a folder for a link all the time lets nothing out", { skip: process.platform !== "linux" }, async (t) => {
  const { inside, outside, guest } = scene(t);
  mkdirSync(join(inside, "swap"));
  writeFileSync(join(inside, "swap/file"), "inside");
  writeFileSync(join(outside, "file"), "outside");
  symlinkSync(outside, join(inside, "link"));
  symlinkSync("swap/file", join(inside, "via"));
  const swapper = spawn(process.execPath, ["-e", SWAPPER, inside], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => swapper.kill("SIGKILL"));
  await once(swapper.stdout, "data");
  const guestProcess = guest();
  const seen = new Map<string, number>();
  // A link that was a folder a moment later is neither.
  const missed: number[] = [ERRNO.notcapable, ERRNO.noent, ERRNO.notdir];
  for (let round = 0; round < 4_000; round++) {
    const fd = guestProcess.open(round % 2 === 0 ? "swap/file" : "via", { follows: true, rights: WRITING });
    const came = fd < 0 ? String(fd) : String(guestProcess.read(fd, 20));
    seen.set(came, (seen.get(came) ?? 0) + 1);
    if (fd > 0) guestProcess.call("fd_close", fd);
    const made = guestProcess.call("path_create_directory", 3, ...guestProcess.path(`swap/made-${round}`));
    assert.ok(made === ERRNO.success || missed.includes(made), `made: ${made}`);
  }
  assert.deepEqual(
    [...seen.keys()].filter((came) => came !== "inside" && !missed.includes(-came)),
    [],
  );
  assert.ok((seen.get("inside") ?? 0) > 0, "it was also found where it belongs");
  assert.deepEqual(readdirSync(outside), ["file"]);
});

/** Exchanges `swap` for a link to the outside and back, as fast as it can. */
const SWAPPER = `
const { renameSync } = require("node:fs");
process.chdir(process.argv[1]);
console.log("begun");
// Ends when the folder is gone.
try {
  for (;;) {
    renameSync("swap", "aside"); renameSync("link", "swap");
    renameSync("swap", "link"); renameSync("aside", "swap");
  }
} catch {}`;

test("a folder that may only be read refuses every change, and lends no name to one that may be written", (t) => {
  const { inside, root, guest } = scene(t);
  const writable = join(root, "writable");
  mkdirSync(writable);
  writeFileSync(join(inside, "file"), "content");
  mkdirSync(join(inside, "folder"));
  const process = guest({ isWritable: false, more: [{ hostPath: writable, guestName: "/tmp", isWritable: true }] });
  const before = snapshot(inside);
  const file = process.open("file");
  const folder = process.open("folder", { oflags: OFLAGS.directory });
  const attempts: Record<string, number> = {
    write: -process.open("file", { rights: WRITING }),
    create: -process.open("new", { oflags: OFLAGS.creat }),
    "create below": -process.open("new", { fd: folder, oflags: OFLAGS.creat }),
    truncate: -process.open("file", { oflags: OFLAGS.trunc }),
    mkdir: process.call("path_create_directory", 3, ...process.path("new")),
    rmdir: process.call("path_remove_directory", 3, ...process.path("folder")),
    unlink: process.call("path_unlink_file", 3, ...process.path("file")),
    symlink: process.call("path_symlink", ...process.path("file"), 3, ...process.secondPath("new")),
    "link out": process.call("path_link", 3, 0, ...process.path("file"), 4, ...process.secondPath("file")),
    "rename out": process.call("path_rename", 3, ...process.path("file"), 4, ...process.secondPath("file")),
    times: process.call("path_filestat_set_times", 3, 0, ...process.path("file"), 0n, 0n, FSTFLAGS.mtim),
    "times of the open file": process.call("fd_filestat_set_times", file, 0n, 0n, FSTFLAGS.mtim),
  };
  for (const [name, errno] of Object.entries(attempts)) assert.equal(errno, ERRNO.rofs, name);
  assert.equal(process.open("new", { fd: 4, oflags: OFLAGS.creat, rights: WRITING }) > 0, true);
  assert.deepEqual(snapshot(inside), before);
  assert.equal(String(process.read(file, 20)), "content");
  // Past the shim, which would have kept these to itself.
  assert.equal(process.hostFiles.serve(FILE_OPERATION.setSize, 2, 0, 0, 0, 0), -ERRNO.rofs);
  assert.equal(process.hostFiles.serve(FILE_OPERATION.write, 2, 1, 0, 0, 0), -ERRNO.badf);
  assert.deepEqual(snapshot(inside), before);
});

test("a hard link to a file outside is an ordinary file: only who may write here could have made it", (t) => {
  const { inside, outside, guest } = scene(t);
  writeFileSync(join(outside, "secret"), "secret");
  linkSync(join(outside, "secret"), join(inside, "shared"));
  const process = guest();
  assert.equal(String(process.read(process.open("shared"), 20)), "secret");
  for (const from of ["../outside/secret", join(outside, "secret")]) {
    assert.equal(process.call("path_link", 3, 0, ...process.path(from), 3, ...process.secondPath("mine")), ERRNO.notcapable);
  }
});

test("the magic links of /proc lead nowhere, even when /proc itself is shared", { skip: process.platform !== "linux" }, (t) => {
  const { outside, guest } = scene(t);
  writeFileSync(join(outside, "secret"), "secret");
  const guestProcess = guest({ more: [{ hostPath: "/proc/self", guestName: "/proc", isWritable: false }] });
  for (const path of ["root/etc/passwd", "cwd", "exe", "fd/0", "fd/1", "task/../root", "ns/net", `root${outside}/secret`]) {
    const fd = guestProcess.open(path, { fd: 4, follows: true });
    assert.ok(fd === -ERRNO.notcapable || fd === -ERRNO.noent, `${path} gave ${fd}`);
  }
});

test("what is neither file nor folder is not opened, and nobody waits for it", { skip: process.platform !== "linux" }, (t) => {
  const { inside, guest } = scene(t);
  execFileSync("mkfifo", [join(inside, "fifo")]);
  const guestProcess = guest({ more: [{ hostPath: "/dev", guestName: "/dev", isWritable: true }] });
  assert.equal(guestProcess.open("fifo"), -ERRNO.nxio);
  assert.equal(guestProcess.open("fifo", { rights: RIGHTS.fdWrite }), -ERRNO.nxio);
  assert.equal(guestProcess.open("fifo", { rights: WRITING }), -ERRNO.nxio);
  for (const name of ["zero", "null", "tty"]) assert.equal(guestProcess.open(name, { fd: 4, rights: WRITING }), -ERRNO.nxio, name);
  assert.equal(guestProcess.call("path_filestat_get", 3, 0, ...guestProcess.path("fifo"), 512), ERRNO.success);
  assert.equal(guestProcess.view.getUint8(512 + 16), FILETYPE.unknown);
});

test("ten thousand opens end at the limit, and the next request begins with none", (t) => {
  const { inside, guest } = scene(t);
  writeFileSync(join(inside, "file"), "");
  const guestProcess = guest({ openMaxCount: 100 });
  const openAtHost = (): number => (process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0);
  const before = openAtHost();
  const fds = Array.from({ length: 10_000 }, () => guestProcess.open("file"));
  assert.equal(fds.filter((fd) => fd > 0).length, 100);
  assert.ok(fds.slice(100).every((fd) => fd === -ERRNO.mfile));
  guestProcess.hostFiles.closeOpened();
  guestProcess.guest.descriptors.reset();
  assert.equal(openAtHost(), before);
  assert.equal(guestProcess.open("file"), 4);
  for (let round = 0; round < 300; round++) {
    const fd = guestProcess.open("file");
    assert.ok(fd > 0);
    guestProcess.call("fd_close", fd);
  }
});

test("whatever fails on its way leaves no descriptor open", { skip: process.platform !== "linux" }, (t) => {
  const { inside, outside, guest } = scene(t);
  mkdirSync(join(inside, "a/b/c"), { recursive: true });
  symlinkSync("../../../outside", join(inside, "a/b/out"));
  symlinkSync("a/b", join(inside, "in"));
  writeFileSync(join(outside, "file"), "");
  const guestProcess = guest();
  const before = readdirSync("/proc/self/fd").length;
  for (const path of ["a/b/c/missing", "a/b/c/../../../..", "a/b/out/file", "in/c/missing/x", `${"a/b/../../".repeat(400)}missing`]) {
    assert.ok(Object.values(everyAttempt(guestProcess, path)).filter((result) => result < 0).length > 10, path);
  }
  guestProcess.hostFiles.closeOpened();
  assert.equal(readdirSync("/proc/self/fd").length, before);
});

test("a deep path and one that turns for long are bounded", (t) => {
  const { inside, guest } = scene(t);
  mkdirSync(join(inside, "d/".repeat(600)), { recursive: true });
  symlinkSync("d/../".repeat(600), join(inside, "turn"));
  const process = guest();
  assert.equal(process.open("d/".repeat(600)), -ERRNO.nametoolong);
  assert.ok(process.open("d/".repeat(400)) > 0);
  assert.equal(process.open("turn/".repeat(30), { follows: true }), -ERRNO.loop);
});

test("a folder that can't be shared is named, with what to do, and leaves nothing open", (t) => {
  const { inside, root } = scene(t);
  const options = (hostPath: string) => ({
    folders: [
      { hostPath: inside, guestName: "/", isWritable: false },
      { hostPath, guestName: "/data", isWritable: false },
    ],
    openMaxCount: 1,
    window: new Uint8Array(new SharedArrayBuffer(65_536)),
  });
  assert.throws(() => new HostFiles(options(join(root, "missing"))), /Cannot share the folder .*missing as \/data: ENOENT.*name a folder/);
  writeFileSync(join(root, "file"), "");
  assert.throws(() => new HostFiles(options(join(root, "file"))), /ENOTDIR/);
});

test("what the file system refuses is told by its own error code", { skip: process.getuid?.() === 0 }, (t) => {
  const { inside, guest } = scene(t);
  writeFileSync(join(inside, "locked"), "");
  chmodSync(join(inside, "locked"), 0);
  assert.equal(guest().open("locked"), -ERRNO.access);
});

test("under Node's permission model files are written, and what it refuses is told as not supported", {
  skip: process.platform !== "linux",
}, (t) => {
  const { inside } = scene(t);
  const flags = ["--permission", "--allow-fs-read=*", "--allow-fs-write=/proc/self/fd/*", "--no-warnings"];
  const answer = execFileSync(process.execPath, [...flags, "--input-type=module", "-e", PERMISSION_PROBE], {
    encoding: "utf8",
    env: {
      ...process.env,
      INSIDE: inside,
      MODULE: import.meta.resolve("./host-files.ts"),
      OPERATIONS: import.meta.resolve("../../../../guest/wasi/file-operations.ts"),
    },
  });
  assert.deepEqual(JSON.parse(answer), {
    open: 1,
    write: 3,
    setTimes: 0,
    setSize: 0,
    sync: -ERRNO.notsup,
    createFolder: 0,
    rename: 0,
    unlink: 0,
    symlink: -ERRNO.notsup,
  });
});

const PERMISSION_PROBE = `
const { HostFiles } = await import(process.env.MODULE);
const { FILE_OPERATION } = await import(process.env.OPERATIONS);
const window = new Uint8Array(new SharedArrayBuffer(65536));
const files = new HostFiles({ folders: [{ hostPath: process.env.INSIDE, guestName: "/", isWritable: true }], openMaxCount: 5, window });
const path = (text, at = 0) => (window.set(Buffer.from(text), at), text.length);
const CREATE_TO_WRITE = 1 | 64;
const results = {
  open: files.serve(FILE_OPERATION.open, 0, path("file"), CREATE_TO_WRITE, 0, 0),
  write: files.serve(FILE_OPERATION.write, 1, 3, 0, 0, 0),
  setTimes: files.serve(FILE_OPERATION.setTimes, 1, 8, 0, 0, 0),
  setSize: files.serve(FILE_OPERATION.setSize, 1, 2, 0, 0, 0),
  sync: files.serve(FILE_OPERATION.sync, 1, 0, 0, 0, 0),
  createFolder: files.serve(FILE_OPERATION.createFolder, 0, path("folder"), 0, 0, 0),
  rename: files.serve(FILE_OPERATION.rename, 0, path("file"), 0, path("other", 4096), 0),
  unlink: files.serve(FILE_OPERATION.unlink, 0, path("other"), 0, 0, 0),
  symlink: files.serve(FILE_OPERATION.symlink, 0, path("link"), path("target", 4096), 0, 0),
};
console.log(JSON.stringify(results));
`;

test("no rights beyond those of the shared folder come with it", (t) => {
  const process = scene(t).guest();
  assert.equal(process.call("fd_fdstat_set_rights", 3, ALL_RIGHTS, ALL_RIGHTS), ERRNO.notcapable);
  assert.equal(process.call("fd_fdstat_get", 3, 512), ERRNO.success);
  assert.equal(process.view.getBigUint64(512 + 8, true) & (RIGHTS.fdRead | RIGHTS.fdWrite | RIGHTS.fdSeek), 0n);
});
