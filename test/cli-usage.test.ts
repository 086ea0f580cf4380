import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { COMMANDS } from "../src/cli/commands.ts";
import { pilotlight } from "./support/cli.ts";

const cwd = mkdtempSync(join(tmpdir(), "pilotlight-cli-"));
after(() => rmSync(cwd, { recursive: true, force: true }));

writeFileSync(join(cwd, "notes.txt"), "");

test("the overview names every command", async () => {
  const { status, stdout } = await pilotlight(["--help"], { cwd });
  assert.equal(status, 0);
  for (const name of Object.keys(COMMANDS)) assert.match(stdout, new RegExp(`^  ${name} `, "m"));
});

test("every command has a help with usage, flags and examples", async () => {
  for (const name of Object.keys(COMMANDS)) {
    const { status, stdout, stderr } = await pilotlight([name, "--help"], { cwd });
    assert.deepEqual([status, stderr], [0, ""], name);
    assert.match(stdout, new RegExp(`^Usage: pilotlight ${name} `));
    assert.match(stdout, /^Examples:\n {2}\S/m);
    assert.match(stdout, /--help/);
  }
});

test("misuse is one line that says what and how to mend it, and status 2", async () => {
  const cases: [string[], RegExp][] = [
    [["sevre"], /Unknown command "sevre"\. Did you mean serve\?/],
    [["hello.ts"], /To serve it: pilotlight serve hello\.ts/],
    [["serve", "--prot", "1"], /Unknown flag --prot\. Did you mean --port\?/],
    [["serve", "--corner", "4"], /Unknown flag --corner\. See --help for the flags/],
    [["serve", "-p", "http"], /--port "http" is not a port/],
    [["serve", "-m", "64x"], /--memory "64x" is not a size: .*64k/],
    [["serve", "nowhere"], /Cannot serve nowhere: no such file or folder/],
    [["serve", "--static", "nowhere"], /--static .*no such file or directory/],
    [["serve", "--config", "nowhere.yaml"], /nowhere\.yaml: no such file/],
    [["serve", "a", "b"], /Unexpected argument "b"/],
    [["dev", "--port"], /--port needs a value/],
    [["invoke"], /Write: pilotlight invoke FUNCTION/],
    [["init"], /pilotlight init NAME/],
    [["replay", ""], /^pilotlight replay: No recording is named\. Write: pilotlight replay FILE$/m],
    [["run", ""], /^pilotlight run: No module is named\. Write: pilotlight run MODULE\.wasm$/m],
    ...["serve", "dev", "build", "test", "validate", "list"].map((command): [string[], RegExp] => [
      [command, ""],
      /^pilotlight \w+: Cannot serve "": the path is empty\. Is a variable not set/,
    ]),
    [["invoke", ""], /^pilotlight invoke: No function is named/],
    [["invoke", "hello", "--source", ""], /--source is empty\. Write --source PATH/],
    [["build", "-o", ""], /-o is empty\. Write --out DIR/],
    [["serve", "--config", ""], /--config is empty\. Write --config FILE/],
    [["run", "hello.wasm", "--dir", ""], /--dir is empty\. Write --dir HOST::GUEST/],
    [["serve", "notes.txt"], /Cannot serve notes\.txt: it is no function file\. Functions are \.ts/],
    [["build", "-o", "."], /build: Cannot build into \S+: the sources lie in it: \S+\. Give -o a new folder/],
    [["logs", "--admin", "nonsense"], /--admin "nonsense" is not an address: use HOST:PORT/],
    [["list", "--admin", "nonsense"], /--admin "nonsense" is not an address: use HOST:PORT/],
    [["doctor", "--gomaxprocs", "many"], /GOMAXPROCS "many"/],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = await pilotlight(args, { cwd });
    assert.deepEqual([status, stdout, stderr.trimEnd().split("\n").length], [2, "", 1], `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, message);
  }
});

test("a folder that can't be made is a line, not a hang", { skip: process.platform === "linux" ? false : "needs /proc" }, async () => {
  writeFileSync(join(cwd, "hello.ts"), "export default () => new Response('hi');");
  const built = await pilotlight(["build", "hello.ts", "-o", "/proc/pilotlight/out"], { cwd });
  assert.deepEqual([built.status, built.stderr.trimEnd().split("\n").length], [1, 1]);
  assert.match(built.stderr, /Cannot write the build to \/proc\/pilotlight\/out: /);
  const written = await pilotlight(["init", "/proc/pilotlight"], { cwd });
  assert.equal(written.status, 1);
  assert.match(written.stderr, /Cannot write a project to \/proc\/pilotlight: /);
});

test("validating a folder without functions fails: the path is wrong", async () => {
  mkdirSync(join(cwd, "empty"), { recursive: true });
  const { status, stdout } = await pilotlight(["validate", "empty"], { cwd });
  assert.equal(status, 1);
  assert.match(stdout, /There are no functions in \S+empty\. Add a file such as hello\.ts/);
});

test("in a folder of some other project, a PATH is asked for", async () => {
  const foreign = join(cwd, "foreign");
  mkdirSync(join(foreign, "src"), { recursive: true });
  for (const command of ["serve", "dev", "list"]) {
    const { status, stdout, stderr } = await pilotlight([command], { cwd: foreign });
    assert.deepEqual([status, stdout, stderr.trimEnd().split("\n").length], [2, "", 1], stderr);
    assert.match(stderr, /No PATH is given, and \S+foreign is no project: it has src, .* Give the folder of functions as PATH/);
  }
});

test("problems of flags, environment and file are reported in one go", async () => {
  writeFileSync(join(cwd, "bad.yaml"), "port: 99999\nworkrs: 2\n");
  const { status, stderr } = await pilotlight(["serve", "--config", "bad.yaml", "-t", "soon"], { cwd, env: { PILOTLIGHT_POOL: "-1" } });
  assert.equal(status, 2);
  assert.equal(stderr.trimEnd().split("\n").length, 4);
  assert.match(stderr, /bad\.yaml:1:1: port 99999 is not a port/);
  assert.match(stderr, /bad\.yaml:2:1: Unknown key "workrs"\. Did you mean workers\?/);
  assert.match(stderr, /PILOTLIGHT_POOL "-1"/);
});

test("the doctor speaks to programs too", async () => {
  const { status, stdout } = await pilotlight(["doctor", "--json", "-p", "0", "--gomaxprocs", "2", "--gomemlimit", "512MiB"], { cwd });
  const { findings, suggestions } = JSON.parse(stdout);
  assert.equal(status, findings.some((finding: { state: string }) => finding.state === "fail") ? 1 : 0);
  assert.ok(findings.length > 5);
  assert.equal(suggestions[0].flag, "--workers 2");
});

test("the version is the package's", async () => {
  for (const flag of ["--version", "-v"]) assert.match((await pilotlight([flag], { cwd })).stdout, /^\d+\.\d+\.\d+\n$/, flag);
});
