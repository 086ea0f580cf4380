import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import type { LockFile, Requirement } from "./lock-file.ts";
import { parseRequirements } from "./parse-requirements.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);

function parse(text: string): LockFile {
  const parsed = parseRequirements(text);
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.failure);
  return parsed.value;
}

function refusal(text: string): string {
  const parsed = parseRequirements(text);
  assert.ok(!parsed.ok, "it was taken");
  return parsed.failure;
}

function one(text: string): Requirement {
  const { requirements } = parse(text);
  assert.equal(requirements.length, 1);
  return requirements[0]!;
}

const PLAIN = { files: [], isFromIndex: true, note: null };

test("a requirement is a name with a specifier, whatever blanks, brackets and extras it comes with", () => {
  for (const text of [
    "Demo_App>=1,<2",
    "demo.app >=1,<2",
    "demo-app[a, b]>=1,<2  # why",
    "demo-app [a] (>=1,<2)",
    "\ufeffdemo-app>=1,<2\r\n",
  ])
    assert.deepEqual(one(text), { project: "demo-app", specifier: ">=1,<2", version: null, ...PLAIN }, text);
  assert.deepEqual(one("demo"), { project: "demo", specifier: "", version: null, ...PLAIN });
  assert.deepEqual(one("demo==1.2+cpu"), { project: "demo", specifier: "==1.2+cpu", version: "1.2+cpu", ...PLAIN });
});

test("a marker is told and not judged", () => {
  const requirement = one('demo==1.0 ; python_version < "3.9" and sys_platform == "win32"');
  assert.equal(requirement.version, "1.0");
  assert.equal(requirement.note, 'only where python_version < "3.9" and sys_platform == "win32"');
});

test("hashes behind a requirement are its files, across lines that go on and comments between", () => {
  const { requirements } = parse(
    [
      "# made by pip-compile",
      "demo==1.0 \\",
      `    --hash=sha256:${A} \\`,
      `    --hash SHA256:${B.toUpperCase()}`,
      "    # via other",
      "other==2.0 \\",
      "# a comment ends a line that would go on",
      `third==3.0 --hash=md5:${"c".repeat(32)}\\`,
    ].join("\n"),
  );
  const files = (...hashes: Record<string, string>[]) => hashes.map((hash) => ({ filename: null, hashes: hash, sizeBytes: null }));
  assert.deepEqual(
    requirements.map(({ project, version, files }) => ({ project, version, files })),
    [
      { project: "demo", version: "1.0", files: files({ sha256: A }, { sha256: B }) },
      { project: "other", version: "2.0", files: [] },
      { project: "third", version: "3.0", files: files({ md5: "c".repeat(32) }) },
    ],
  );
});

test("options that choose an index are passed over and said so, without their values", () => {
  const { requirements, notes } = parse("-i http://user:secret@index.example/simple\n--extra-index-url=http://x.example\n--pre\ndemo");
  assert.equal(requirements.length, 1);
  assert.deepEqual(notes, [
    "Line 1: -i is passed over: the mirror's indexes count",
    "Line 2: --extra-index-url is passed over: the mirror's indexes count",
    "Line 3: --pre is passed over: it concerns the installer",
  ]);
});

test("addresses, paths and editables come from no index", () => {
  const { requirements, notes } = parse(
    [
      "demo @ https://files.example/demo-1.0.zip#sha256=0 ; sys_platform == 'linux'",
      "https://files.example/other-1.0.zip",
      "git+https://repository.example/other.git#egg=other",
      "./other-1.0.tar.gz",
      "dist/other-1.0.tar.gz",
      "other-1.0-py3-none-any.whl",
      "-e .",
      "--editable=git+https://repository.example/other.git",
    ].join("\n"),
  );
  assert.deepEqual(requirements, [
    { project: "demo", specifier: null, version: null, files: [], isFromIndex: false, note: "comes from an address, not from an index" },
  ]);
  assert.equal(notes.length, 7);
});

test("a line that names another file is refused, with its number", () => {
  for (const line of ["-r other.txt", "-rother.txt", "--requirement=other.txt", "-c limits.txt", "--constraint limits.txt"])
    assert.match(refusal(`demo\n\n${line}`), /^line 3: ".*" names another file, which isn't here/);
});

test("what is no requirement is refused, with its number", () => {
  for (const line of [
    "==1.0",
    "demo 1.0",
    "demo>>1",
    "demo==",
    "demo[a",
    "demo --hash=sha256:short",
    "--unknown",
    "-z",
    "{}",
    "demo-",
    "dëmo",
  ])
    assert.match(refusal(`ok\n${line}`), /^line 2: /, line);
});

test("what is quoted is short and on one line", () => {
  assert.ok(refusal(`!${"x".repeat(10_000)}`).length < 200);
  assert.ok(!refusal("!\x1b[31m\u0007").includes("\x1b"));
});

test("more requirements, or longer lines, than anybody needs are refused", () => {
  assert.match(refusal("demo\n".repeat(5_001)), /more than 5000 requirements/);
  assert.match(refusal(`demo ; ${"x".repeat(1_000_001)}`), /longer than/);
});

test("hostile lines take no more than linear time", () => {
  // A backtracking expression would take minutes for these.
  const blanks = " ".repeat(900_000);
  for (const line of [
    `demo${blanks}x`,
    `${blanks}#`,
    `demo${blanks}; ${blanks}`,
    `demo ${"--".repeat(400_000)}`,
    `demo[${"a,".repeat(400_000)}`,
    `${"#".repeat(900_000)}`,
    `demo${"#".repeat(900_000)}`,
  ])
    parseRequirements(line);
});

test("no text makes the reader throw", () => {
  const pieces = fc.constantFrom(
    "demo",
    "==",
    "1.0",
    ">=",
    ",",
    "[",
    "]",
    ";",
    "@",
    "#",
    "\\",
    "\n",
    " ",
    "--hash=",
    "sha256:",
    A,
    "-r",
    "-e",
    "--",
    "(",
    ")",
    "/",
    ":",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces).map((words) => words.join("")),
      ),
      (text) => {
        const parsed = parseRequirements(text);
        assert.ok(parsed.ok || parsed.failure !== "");
      },
    ),
    { numRuns: 3_000 },
  );
});
