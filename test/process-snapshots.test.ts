/** Instances that are made of CRIU's images. Needs CRIU, and says so where there is none. */
import assert from "node:assert/strict";
import { readdirSync, renameSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { connectionOf, restoring, WITH_CRIU, waitingClient } from "./support/criu.ts";
import { folder, python, written } from "./support/launching.ts";
import { isAlive } from "./support/processes.ts";

const FIRST = "its image is made when an instance has been started without one";

test(
  "the first instance is started, the others are restored: with its imports, and a ring and a number of their own",
  WITH_CRIU,
  async () => {
    const { start, launcher, told } = restoring(waitingClient(), { settings: { ringBytes: 65_536 } });
    const first = await start({ withRing: true, instance: 1 });
    assert.deepEqual([first.origin, first.insteadBecause], ["started", FIRST]);
    const [, loadedFirst] = await written(told, /instance 1 loaded (\d+)/);
    await launcher.settled();
    const loaded = new Set<string>();
    for (const instance of [2, 3, 4]) {
      const launched = await start({ instance, withRing: true });
      assert.deepEqual([launched.origin, launched.insteadBecause], ["restored", null]);
      const ready = await launched.ready;
      assert.ok(ready.ok && ready.value.way === "frames");
      const [, time = ""] = await written(told, new RegExp(`instance ${instance} loaded (\\d+) pid 1000`));
      loaded.add(time);
      assert.ok(launched.memoryBytes() > 0);
    }
    assert.equal(loaded.size, 1);
    assert.ok(!loaded.has(loadedFirst!));
    assert.equal(told.lines.filter(({ text }) => text === "ring PLRING1 135168").length, 4);
    const without = await start({ instance: 5 });
    assert.deepEqual([without.origin, without.ring], ["restored", null]);
  },
);

test("each has its own processes: one that dies leaves the others, and how it ended is told", WITH_CRIU, async () => {
  const { second, start, told } = restoring(waitingClient());
  const [one, other, third] = [await second(), await start(), await start()];
  const connection = await connectionOf(one);
  connection.write("processes");
  const [, listed] = await written(told, /processes (.*)/);
  // The shell that holds it, CRIU, and itself.
  assert.deepEqual(listed!.split(" "), ["1", "1000", "2"]);
  connection.write("exit");
  assert.match((await one.ended).told, /^exit code (?:7|unknown .*)$/);
  assert.ok(isAlive(other.pid) && isAlive(third.pid));
  third.kill();
  assert.equal((await third.ended).told, "SIGKILL");
  assert.ok(isAlive(other.pid));
});

test("SIGTERM reaches the function alone; a signal that ends it is told", WITH_CRIU, async () => {
  const { second, start, told } = restoring(waitingClient());
  const polite = await second();
  (await connectionOf(polite)).write("term");
  await written(told, /listening/);
  polite.terminate();
  assert.match((await polite.ended).told, /^exit code (?:5|unknown .*)$/);
  const crashing = await start();
  (await connectionOf(crashing)).write("abort");
  assert.match((await crashing.ended).told, /^(?:SIGABRT|exit code unknown .*)$/);
});

test("an image is used by the next server too, and not for another environment, other limits or other code", WITH_CRIU, async () => {
  const file = waitingClient();
  const { dataDir, second } = restoring(file);
  assert.equal((await second()).insteadBecause, null);
  const startWith = async (options: Parameters<typeof restoring>[1]) => {
    const { origin, insteadBecause } = await restoring(file, options).start();
    return [origin, insteadBecause];
  };
  assert.deepEqual(await startWith({ subject: { dataDir } }), ["restored", null]);
  assert.deepEqual(await startWith({ subject: { dataDir, env: { LEVEL: "3" } } }), ["started", FIRST]);
  assert.deepEqual(await startWith({ subject: { dataDir }, settings: { openFileMax: 512 } }), ["started", FIRST]);
  writeFileSync(file, "# another version\n", { flag: "a" });
  assert.deepEqual(await startWith({ subject: { dataDir } }), ["started", FIRST]);
});

test("a torn image, one of other code, or one whose modules have changed is never restored, and made anew", WITH_CRIU, async () => {
  const module = join(folder, "table.py");
  writeFileSync(module, "TABLE = {}");
  const file = waitingClient({ sources: `b${JSON.stringify(`${module}\n`)}` });
  const { dataDir, imagesDir, second } = restoring(file);
  await second();
  const [key = ""] = readdirSync(imagesDir);
  for (const [spoil, told] of [
    [() => truncateSync(join(imagesDir, key, "pages-1.img"), 4_096), /pages-1.img has 4096 bytes in place of \d+; another is made/],
    [() => writeFileSync(join(imagesDir, key, "manifest"), "pilotlight image 1"), /its manifest is torn/],
    [() => utimesSync(module, 1, 1), /table.py, which it was made of, has changed/],
  ] as const) {
    spoil();
    const again = restoring(file, { subject: { dataDir } });
    const plain = await again.start();
    assert.equal(plain.origin, "started");
    assert.match(plain.insteadBecause!, told);
    await again.launcher.settled();
    assert.equal((await again.start()).origin, "restored");
  }
  const env = { LEVEL: "3" };
  await restoring(file, { subject: { dataDir, env } }).second();
  const other = readdirSync(imagesDir).find((name) => name !== key)!;
  renameSync(join(imagesDir, other), join(imagesDir, "away"));
  renameSync(join(imagesDir, key), join(imagesDir, other));
  assert.match((await restoring(file, { subject: { dataDir, env } }).start()).insteadBecause!, /it is an image of other code or settings/);
});

test("a program that is called by HTTP is restored as often as is wanted, each on a port of its own", WITH_CRIU, async () => {
  const file = python(`import http.server, os, socket, time
loaded = str(time.monotonic_ns()).encode()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(loaded)
    def log_message(*_): pass
server = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
said = socket.socket(socket.AF_UNIX)
said.connect(os.environ["AETHER_SOCKET"])
said.sendall(b"READY")
said.close()
server.serve_forever()`);
  const { second, start } = restoring(file, { settings: { call: "http" } });
  const instances = [await second(), await start(), await start()];
  assert.deepEqual(
    instances.map(({ origin }) => origin),
    ["restored", "restored", "restored"],
  );
  assert.equal(new Set(instances.map(({ port }) => port)).size, 3);
  const answers = await Promise.all(instances.map(async ({ port }) => (await fetch(`http://127.0.0.1:${port}/`)).text()));
  assert.equal(new Set(answers).size, 1);
});

test("a restore that takes longer than it should is told, and counted", WITH_CRIU, async () => {
  const { second, start, told } = restoring(waitingClient(), { settings: { restoreTimeoutMs: 1 } });
  await second();
  for (let restores = 2; restores <= 4; restores++) await start();
  const slow = told.notes.filter((note) => note.includes("restore_timeout"));
  assert.match(slow[0]!, /restoring instance \d+ took \S+, longer than restore_timeout \(1ms\); so did 1 of 1 restores$/);
  assert.match(slow[1]!, /so did 2 of 2 restores$/);
  assert.match(slow[2]!, /so did 4 of 4 restores$/);
  assert.equal(slow.length, 3);
});

test("what can't be dumped says why, and is started as before", WITH_CRIU, async (t) => {
  const elsewhere = join(folder, "elsewhere");
  const server = createServer().listen(elsewhere);
  t.after(() => server.close());
  const inTemplate = (statement: string) => waitingClient({ before: `if "PILOTLIGHT_SNAPSHOT" in os.environ: ${statement}` });
  for (const [file, told] of [
    [inTemplate('import fcntl; held = open("held", "w"); fcntl.flock(held, fcntl.LOCK_EX)'), /can't dump it: .*lock/i],
    [
      inTemplate(`held = socket.socket(socket.AF_UNIX); held.connect(${JSON.stringify(elsewhere)})`),
      /can't dump it: .*External socket is used/,
    ],
    [inTemplate('sys.exit("no table")'), /ended before READY: exit code 1\n(?:.*\n)*no table/],
    [inTemplate('os.environ.pop("PILOTLIGHT_SNAPSHOT")'), /its client knows nothing of snapshots .* called by frames/],
  ] as const) {
    const { second } = restoring(file);
    const launched = await second();
    assert.equal(launched.origin, "started");
    assert.match(launched.insteadBecause!, told);
    launched.kill();
  }
});

test("a function of several processes is restored with all of them", WITH_CRIU, async () => {
  const file = waitingClient({
    before: `left, right = socket.socketpair()
if os.fork() == 0:
    right.close()
    while left.recv(1): left.send(b"pong")
    os._exit(0)
left.close(); right.send(b"."); assert right.recv(4) == b"pong"`,
  });
  const { second, start, told } = restoring(file);
  const instances = [await second(), await start()];
  for (const launched of instances) (await connectionOf(launched)).write("processes");
  await written(told, /processes 1 1000 1001 2/);
  for (const launched of instances) launched.terminate();
  for (const { ended } of instances) assert.match((await ended).told, /^(?:SIGTERM|exit code unknown .*)$/);
});
