/** A ring between two processes, in real memory, with real doorbells. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { KIB, MIB } from "../src/base/units.ts";
import { RingBroken } from "../src/engines/process/ring/ring-broken.ts";
import { RingEnd } from "../src/engines/process/ring/ring-end.ts";
import { createRingFile, openRingFile, type RingFile } from "../src/engines/process/ring/ring-file.ts";
import { HEADER_BYTES } from "../src/engines/process/ring/ring-layout.ts";
import { NO_ROOM } from "../src/engines/process/ring/ring-producer.ts";
import { createSharedMemory } from "../src/engines/process/ring/shared-memory.ts";
import { eventually } from "./support/fake-fleet.ts";
import { bytesOf } from "./support/ring-memory.ts";

const skip = process.platform !== "linux" && "rings need Linux";
const CHILD = join(import.meta.dirname, "support/ring-child.ts");
const RING_FILE = join(import.meta.dirname, "../src/engines/process/ring/ring-file.ts");
const SHAPE = { capacityBytes: 64 * 1024, hasCrc: true };

const folder = mkdtempSync(join(tmpdir(), "process-ring-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

function ring(options: { isSealed?: boolean } = {}, shape = SHAPE): RingFile {
  const made = createRingFile(shape, options);
  assert.ok(made.ok, made.ok ? "" : made.failure.message);
  closing.push(() => made.value.close());
  return made.value;
}

let socketCount = 0;

async function started(role: string, file: RingFile): Promise<{ child: ChildProcess; connection: Socket }> {
  const path = join(folder, `${socketCount++}.sock`);
  const server = createServer().listen(path);
  await once(server, "listening");
  const child = spawn(process.execPath, [CHILD, role], {
    env: { ...process.env, PILOTLIGHT_RING: file.path, PILOTLIGHT_SOCKET: path },
    stdio: ["ignore", "inherit", "inherit"],
  });
  closing.push(() => child.kill("SIGKILL"));
  const [connection] = (await once(server, "connection")) as [Socket];
  server.close();
  closing.push(() => connection.destroy());
  return { child, connection };
}

async function saidBy(connection: Socket): Promise<string> {
  connection.setEncoding("latin1");
  let text = "";
  for await (const chunk of connection) text += chunk;
  return text;
}

test("messages of every length go to another process and back, each once and in order", { skip }, async () => {
  const file = ring();
  assert.equal(file.unsealedBecause, null);
  const { connection } = await started("echo", file);
  await once(connection, "data");
  const messages = Array.from({ length: 3_000 }, (_, at) => bytesOf((at * 7_919) % 30_000, at));
  const received: Buffer[] = [];
  const done = Promise.withResolvers<void>();
  let sent = 0;
  const sendMore = (): void => {
    while (sent < messages.length) {
      const message = messages[sent]!;
      const at = end.reserve(message.length);
      if (at === NO_ROOM) return;
      message.copy(end.into, at);
      end.commit();
      sent++;
    }
    end.expect(sent - received.length);
  };
  const end = new RingEnd(file.serverSide(), connection, {
    message: (message) => {
      received.push(message);
      end.expect(sent - received.length);
      if (received.length === messages.length) done.resolve();
    },
    room: sendMore,
    broken: ({ message }) => done.reject(new Error(message)),
  });
  sendMore();
  await done.promise;
  end.close();
  assert.deepEqual(received, messages);
});

test("no wake-up is lost between two processes that fall asleep all the time", { skip }, async () => {
  const file = ring();
  const { connection } = await started("echo", file);
  await once(connection, "data");
  const done = Promise.withResolvers<void>();
  let count = 0;
  const sendOne = (): void => {
    const at = end.reserve(8);
    end.into.writeDoubleLE(count, at);
    end.commit();
    end.expect(count % 3);
  };
  const end = new RingEnd(file.serverSide(), connection, {
    message: (message) => {
      if (message.readDoubleLE(0) !== count) return done.reject(new Error(`${message.readDoubleLE(0)} came where ${count} was sent`));
      end.expect(0);
      if (++count === 3_000) done.resolve();
      else if (count % 5 === 0) setImmediate(sendOne);
      else if (count % 50 === 1) setTimeout(sendOne, 1);
      else sendOne();
    },
    room: () => {},
    broken: ({ message }) => done.reject(new Error(message)),
  });
  sendOne();
  await done.promise;
  end.close();
});

test("of a process that is killed while it writes, what it published is read, whole, and then nothing", { skip }, async () => {
  for (let round = 0; round < 5; round++) {
    const file = ring();
    const { child, connection } = await started("flood", file);
    await once(connection, "data");
    const { consumer } = file.serverSide();
    let count = 0;
    const take = (): boolean => {
      const message = consumer.read();
      if (message === null) return false;
      assert.ok(Buffer.isBuffer(message), "the ring is broken");
      assert.ok(message.equals(bytesOf(count % 20_000, count)), `message ${count}`);
      count++;
      return true;
    };
    while (count < 100 * (round + 1)) take();
    child.kill("SIGKILL");
    await once(child, "exit");
    while (take());
    assert.equal(consumer.fallAsleep(), true);
  }
});

test("a process that writes anything anywhere, all the time, only breaks its ring", { skip }, async () => {
  const file = ring();
  const { connection } = await started("scribble", file);
  await once(connection, "data");
  const broken = new Set<string>();
  const large = bytesOf(30_000, 1);
  for (let round = 0; round < 2_000; round++) {
    const { producer, consumer } = file.serverSide();
    for (let look = 0; look < 10; look++) {
      const message = look % 2 === 0 ? consumer.view() : consumer.take();
      if (message instanceof RingBroken) broken.add(message.fault);
      if (message === null || message instanceof RingBroken) break;
      consumer.release();
    }
    for (let count = 0; count < 10 && producer.write(large); count++) producer.isConsumerAsleep();
    if (producer.broken !== null) broken.add(producer.broken.fault);
  }
  assert.ok(broken.has("BAD_HEAD") && broken.has("BAD_TAIL"), [...broken].join());
});

test("a process that gives the memory back leaves zeros", { skip }, async () => {
  const file = ring();
  const { producer, consumer } = file.serverSide();
  assert.ok(producer.write(bytesOf(100, 1)));
  const { connection } = await started("punch", file);
  assert.equal(await saidBy(connection), "0");
  assert.equal(consumer.read(), null);
  assert.ok(producer.write(bytesOf(30_000, 1)));
});

test("the process can't cut its ring short, and so can't end its server", { skip }, async () => {
  const file = ring();
  const { connection } = await started("truncate", file);
  assert.equal(await saidBy(connection), "EPERM");
  assert.equal(file.serverSide().consumer.read(), null);
});

const PYTHON = `
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
memory = mmap.mmap(fd, 0)
told = [memory[:8] == b"PLRING1\\n", len(memory) == int(sys.argv[2])]
for size in (0, len(memory) + 4096):
    try:
        os.ftruncate(fd, size)
        told.append("truncated")
    except PermissionError as error:
        told.append(error.errno)
memory[4095] = 7
print(*told)`;

test("Python opens a ring by its path, and can't cut it short or make it longer", { skip: skip || missing("python3", "--version") }, () => {
  const file = ring();
  const bytes = HEADER_BYTES + 2 * SHAPE.capacityBytes;
  const { stdout, stderr } = spawnSync("python3", ["-c", PYTHON, file.path, String(bytes)], { encoding: "utf8" });
  assert.equal(stdout, "True True 1 1\n", stderr);
});

const C = `
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int count, char **arguments) {
  (void)count;
  int fd = open(arguments[1], O_RDWR);
  char *memory = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (fd < 0 || memory == MAP_FAILED) return 1;
  printf("%d ", memcmp(memory, "PLRING1\\n", 8));
  printf("%d ", ftruncate(fd, 0) == -1 ? errno : 0);
  printf("%d ", ftruncate(fd, 1 << 30) == -1 ? errno : 0);
  printf("%d\\n", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1 ? errno : 0);
  return 0;
}`;

test("C opens a ring by its path, and can neither cut nor seal it", { skip: skip || missing("cc", "--version") }, () => {
  const [source, program] = [join(folder, "truncate.c"), join(folder, "truncate")];
  writeFileSync(source, C);
  assert.equal(spawnSync("cc", ["-o", program, source], { stdio: "inherit" }).status, 0);
  assert.equal(spawnSync(program, [ring().path], { encoding: "utf8" }).stdout, "0 1 1 1\n");
});

test("a process that inherits the descriptor opens it by a path of its own", { skip }, () => {
  const script = 'process.stdout.write(require("node:fs").readFileSync("/proc/self/fd/3").subarray(0, 7))';
  const { stdout } = spawnSync(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit", ring().fd], encoding: "utf8" });
  assert.equal(stdout, "PLRING1");
});

test("without a memfd a nameless file stands in, and says so", { skip }, () => {
  const file = ring({ isSealed: false });
  assert.match(file.unsealedBecause ?? "", /there is no memfd/);
  const opened = openRingFile(file.path);
  assert.ok(opened.ok);
  closing.push(() => opened.value.close());
  const { producer } = file.serverSide();
  assert.ok(producer.write(Buffer.from("through a file")));
  assert.equal(String(opened.value.processSide().consumer.read()), "through a file");
});

test("a folder of memory that is full is an error when the ring is made", {
  skip: skip || (!existsSync("/dev/shm") && "there is no /dev/shm"),
}, () => {
  const { blocks, bsize } = statfsSync("/dev/shm");
  const made = createSharedMemory({ bytes: blocks * bsize + 4_096, label: "too much", isSealed: false });
  assert.ok(!made.ok);
  assert.equal(made.failure.code, "NO_SHARED_MEMORY");
  assert.match(made.failure.message, /ENOSPC/);
});

test("memory that may not have its size is an error when the ring is made", { skip }, () => {
  const script = `
    const { createRingFile } = await import(${JSON.stringify(RING_FILE)});
    const made = createRingFile({ capacityBytes: 65536, hasCrc: false });
    console.log(made.ok ? "made" : made.failure.message);`;
  const limited = 'ulimit -f 8; exec "$0" --no-warnings --input-type=module -e "$1"';
  const { stdout } = spawnSync("sh", ["-c", limited, process.execPath, script], { encoding: "utf8" });
  assert.equal(stdout, "Cannot share memory with a process: 135168 bytes: EFBIG\n");
});

test("a folder that is not there is an error when the ring is made", { skip }, () => {
  const made = createSharedMemory({ bytes: 4_096, label: "nowhere", folder: join(folder, "none"), isSealed: false });
  assert.ok(!made.ok);
  assert.match(made.failure.message, /ENOENT/);
});

test("a file that is no ring is told from one", { skip }, () => {
  for (const [name, bytes, says] of [
    ["empty", Buffer.alloc(0), /is empty/],
    ["short", Buffer.from("PLRING1\n"), /it has 8 bytes/],
    ["other", Buffer.alloc(20_000, 1), /does not begin with/],
  ] as const) {
    writeFileSync(join(folder, name), bytes);
    const opened = openRingFile(join(folder, name));
    assert.ok(!opened.ok);
    assert.match(opened.failure.message, says);
  }
  assert.equal(openRingFile(join(folder, "absent")).ok, false);
});

test("a closed ring is gone from every view of it, and from the process's memory", { skip }, () => {
  const made = createSharedMemory({ bytes: 8_192, label: "ring-to-close" });
  assert.ok(made.ok);
  const { memory } = made.value;
  const [bytes, words] = [Buffer.from(memory), new Int32Array(memory, 4_096)];
  const isMapped = (): boolean => readFileSync("/proc/self/maps", "latin1").includes("memfd:ring-to-close");
  assert.ok(isMapped());
  made.value.close();
  made.value.close();
  assert.ok(!isMapped());
  assert.deepEqual([memory.byteLength, bytes.length, words.length, bytes[0]], [0, 0, 0, undefined]);
});

test("addresses of closed rings are given back once nothing looks at them any more", { skip }, async () => {
  const virtualBytes = (): number => Number(/^VmSize:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "latin1"))![1]) * KIB;
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const before = virtualBytes();
  for (let count = 0; count < 100; count++) {
    const made = createRingFile({ capacityBytes: 2 * MIB, hasCrc: false });
    assert.ok(made.ok);
    made.value.close();
  }
  await eventually("the addresses are free", () => {
    collect();
    return virtualBytes() < before + 100 * MIB;
  });
});

test("a process may share memory under Node's permission model when it has --allow-ffi", { skip }, () => {
  const script = `
    const { createRingFile } = await import(${JSON.stringify(RING_FILE)});
    const made = createRingFile({ capacityBytes: 4096, hasCrc: false });
    console.log(made.ok ? made.value.serverSide().producer.write(Buffer.of(1)) : made.failure.message);`;
  const run = (...flags: string[]): string =>
    spawnSync(process.execPath, ["--permission", "--allow-fs-read=*", ...flags, "--no-warnings", "--input-type=module", "-e", script], {
      encoding: "utf8",
    }).stdout;
  assert.equal(run("--allow-ffi"), "true\n");
  assert.match(run(), /^Cannot share memory with a process: /);
});

function missing(program: string, ...args: string[]): string | false {
  return spawnSync(program, args).error === undefined ? false : `${program} is not installed`;
}
