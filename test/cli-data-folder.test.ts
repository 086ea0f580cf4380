/** A data folder that can't be used is one line and status 2, at once, whatever the command. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createServer } from "../src/index.ts";
import { pilotlight } from "./support/cli.ts";

const cwd = mkdtempSync(join(tmpdir(), "pilotlight-data-"));
after(() => rmSync(cwd, { recursive: true, force: true }));
mkdirSync(join(cwd, "functions"));
writeFileSync(join(cwd, "functions/hello.ts"), "export default () => new Response('hi');");
writeFileSync(join(cwd, "functions/hello.http"), "GET /hello\n\n?? status == 200\n");
writeFileSync(join(cwd, "occupied"), "");

const COMMANDS = [
  ["serve", "-p", "0", "--admin", "off"],
  ["dev", "-p", "0", "--admin", "off"],
  ["invoke", "hello"],
  ["test"],
  ["validate"],
  ["build", "-o", "out"],
];

async function assertRefused(dataDir: string, reason: RegExp): Promise<void> {
  for (const command of COMMANDS) {
    const { status, stdout, stderr } = await pilotlight([...command, "--data-dir", dataDir], { cwd });
    assert.deepEqual([status, stdout, stderr.trimEnd().split("\n").length], [2, "", 1], `${command[0]}: ${stderr}`);
    assert.match(stderr, /^pilotlight \w+: Cannot write to the data folder \//);
    assert.match(stderr, reason);
    assert.match(stderr, /or give another folder with --data-dir DIR or PILOTLIGHT_DATA_DIR\n$/);
  }
}

test("a file in the place of the data folder is refused", () => assertRefused("occupied", /: a file stands where a folder is needed\./));

test("a data folder below a file is refused", () => assertRefused("occupied/data", /: a file stands where a folder is needed\./));

test("a data folder where nothing can be created is refused", { skip: process.platform === "linux" ? false : "needs /proc" }, async () => {
  await assertRefused("/proc/pilotlight", /: nothing can be created there\./);
  await assertRefused("/proc", /: (?:nothing can be created|no permission to write) there\./);
});

test("an embedder gets an unusable data folder as a typed error", async () => {
  const server = createServer({ path: join(cwd, "functions"), port: 0, admin: false, dataDir: join(cwd, "occupied") });
  await assert.rejects(server.start(), { name: "PilotlightError", code: "DATA_DIR_UNUSABLE", hint: /^Make it writable/ });
});

test("a disk that is full, fills up during the start, or is read-only is refused", async (t) => {
  const disk = join(cwd, "disk");
  mkdirSync(disk);
  const mounted = process.platform === "linux" && spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]).status === 0;
  if (!mounted) return t.skip("mounting a small disk takes rights that this user lacks");
  try {
    // What is written here is larger than the disk: serve meets its end after the folder was proved.
    const { status, stderr } = await pilotlight(["serve", "-p", "0", "--admin", "off", "--data-dir", disk], { cwd });
    assert.deepEqual([status, stderr.trimEnd().split("\n").length], [2, 1], stderr);
    assert.match(stderr, /Cannot write to the data folder \S+: the disk is full\. Free some space, or give another/);
    spawnSync("dd", ["if=/dev/zero", `of=${join(disk, "fill")}`, "bs=1k"]);
    await assertRefused(disk, /: the disk is full\. Free some space, or/);
    assert.equal(spawnSync("mount", ["-o", "remount,ro", disk]).status, 0);
    await assertRefused(disk, /: its file system is read-only\. Make it writable, or/);
  } finally {
    spawnSync("umount", [disk]);
  }
});
