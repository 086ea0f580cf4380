/**
 * `pilotlight run MODULE.wasm` as somebody at a shell would use it: streams,
 * arguments, environment, folders, exit codes, and what a guest must not get.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { command } from "../src/engines/wasm/binary/testing/assembler.ts";
import { pilotlight, startPilotlight } from "./support/cli.ts";
import { fileOf, guest, skipReason } from "./support/guests.ts";

const C = [
  "command",
  "cat",
  "cgi",
  "trap",
  "exit-code",
  "sleep",
  "attacks/grow-bomb",
  "attacks/write-outside",
  "attacks/open-many",
  "attacks/output-flood",
  "state",
];
const guests = new Map(await Promise.all(C.map(async (name) => [name, await guest("c", name)] as const)));
const go = await guest("go", "command");
const rust = await guest("rust", "command");

describe("pilotlight run", { skip: skipReason(guests.get("command")!) }, () => {
  const cwd = mkdtempSync(join(tmpdir(), "pilotlight-run-"));
  after(() => rmSync(cwd, { recursive: true, force: true }));
  const file = (name: string): string => fileOf(guests.get(name)!);
  const run = (args: readonly string[], input = "", env: Readonly<Record<string, string>> = {}) =>
    pilotlight(["run", ...args], { cwd, input, env });

  test("passes arguments, those behind -- untouched, standard input and output", async () => {
    const { status, stdout, stderr } = await run([file("command"), "one", "--", "--two", "-h", "é"], "loud\0é");
    assert.deepEqual([status, stdout, stderr], [0, "one\n--two\n-h\né\nLOUD\0é", ""]);
  });

  test("passes more arguments than fit any block of ours", async () => {
    const args = Array.from({ length: 5_000 }, (_, index) => `an-argument-of-some-length-${index}`);
    const { status, stdout } = await run([file("command"), "--", ...args]);
    assert.deepEqual([status, stdout], [0, `${args.join("\n")}\n`]);
  });

  for (const [language, module] of [
    ["Go", go],
    ["Rust", rust],
  ] as const) {
    test(`runs a command written in ${language}`, { skip: skipReason(module) }, async () => {
      const { status, stdout } = await run([fileOf(module), "one"], "loud");
      assert.deepEqual([status, stdout], [0, "one\nLOUD"]);
    });
  }

  test("gives the guest the variables that are named, and none of the shell's", async () => {
    const { stdout } = await run([file("cgi"), "--env", "A=1", "--env", "B=x=y"], "", { SECRET_OF_SHELL: "hidden" });
    assert.match(stdout, /\r\n\r\nA=1\nB=x=y\n\n$/);
  });

  test("ends with the guest's exit code, 134 and frames on a trap", async () => {
    for (const code of [1, 255]) assert.equal((await run([file("exit-code"), String(code)])).status, code);
    const { status, stderr } = await run([file("trap"), "divide"]);
    assert.equal(status, 134);
    assert.match(stderr, /trapped: integer divide by zero\n {4}at innermost \(.*\n {4}at middle /);
  });

  test("carries a large stream whole, and ends when its reader has gone", async () => {
    const input = "0123456789abcdef".repeat(200_000);
    const { stdout } = await run([file("cat")], input);
    assert.equal(stdout.length, input.length);
    assert.ok(stdout === input);
    const flood = startPilotlight(["run", file("cat")], { cwd });
    const ended = once(flood, "exit");
    flood.stdout!.once("data", () => flood.stdout!.destroy());
    flood.stdin!.on("error", () => {});
    flood.stdin!.end(input);
    const [code, signal] = (await ended) as [number | null, string | null];
    assert.equal(signal, null);
    assert.notEqual(code, null);
  });

  test("shares the folders that are named, writable, and nothing around them", async () => {
    const [inner, victim] = [join(cwd, "outer/inner"), join(cwd, "outer/victim")];
    mkdirSync(inner, { recursive: true });
    writeFileSync(victim, "");
    const escaping = await run([file("attacks/write-outside"), "--dir", "outer/inner::/"]);
    assert.equal(escaping.stdout, "ways out: 0\n");
    assert.deepEqual(readdirSync(join(cwd, "outer")).sort(), ["inner", "victim"]);
    const shared = join(cwd, "shared");
    mkdirSync(shared);
    for (const size of [0, 1]) assert.match((await run([file("state"), "--dir", "shared::/"])).stdout, new RegExp(`^file ${size}$`, "m"));
    assert.equal(readFileSync(join(shared, "state.txt"), "utf8"), "xx");
    assert.match((await run([file("state")])).stdout, /^file 0$/m);
  });

  test("lets a guest open files by the thousand, and tells it when there are no more", async () => {
    mkdirSync(join(cwd, "many"));
    const { status, stdout } = await run([file("attacks/open-many"), "--dir", "many::/"]);
    assert.equal(status, 0);
    assert.match(stdout, /^opened \d{3,5}\n(?:all|No file descriptors available|Too many open files.*)\n$/);
  });

  test("holds linear memory to its limit", async () => {
    assert.equal((await run([file("attacks/grow-bomb"), "-m", "4m"])).stdout, "pages 64\n");
    const { status, stderr } = await run([file("command"), "-m", "64k"]);
    assert.notEqual(status, 0);
    assert.match(stderr, /its limit is 64 KiB/);
  });

  test("passes an interruption on, also to a guest that sleeps", async () => {
    const child = startPilotlight(["run", file("sleep"), "600000"], { cwd });
    setTimeout(() => child.kill("SIGTERM"), 1_000).unref();
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    assert.ok(code === 143 || signal === "SIGTERM", `ended with ${code ?? signal}`);
  });

  test("says in a line what is wrong with a file, a folder or a pair, and how to mend it", async () => {
    for (const [args, message] of [
      [[], /No module is named/],
      [["absent.wasm"], /absent\.wasm is not a file/],
      [[file("command"), "--dir", "absent::/"], /absent is not a folder/],
      [[file("command"), "--env", "A"], /"A" is not NAME=VALUE/],
      [[file("command"), "-m", "lots"], /"lots" is not a size/],
      [[file("command"), "--fast"], /--fast/],
    ] as const) {
      const { status, stdout, stderr } = await run(args);
      assert.deepEqual([status, stdout], [2, ""]);
      assert.match(stderr, message);
    }
  });

  test("says what is wrong with a module", async () => {
    writeFileSync(join(cwd, "text.wasm"), "words and more words");
    copyFileSync(file("command"), join(cwd, "cut.wasm"));
    writeFileSync(join(cwd, "cut.wasm"), readFileSync(file("command")).subarray(0, 3_000));
    writeFileSync(join(cwd, "mistyped.wasm"), command([0x42, 1, 0x42, 2, 0x6a, 0x1a]));
    const unknown = await guest("wat", "unknown-imports");
    for (const [module, message] of [
      ["text.wasm", /the file is no WebAssembly module/],
      ["cut.wasm", /the module is invalid at byte/],
      ["mistyped.wasm", /does not compile: .*function #0/],
      [fileOf(unknown), /imports wasi_snapshot_preview1\.fd_wriet, env\.launch, which are not provided/],
    ] as const) {
      const { status, stderr } = await run([module]);
      assert.equal(status, 1);
      assert.match(stderr, message);
    }
  });
});
