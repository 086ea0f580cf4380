import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { MIB } from "../../base/units.ts";
import type { LockFile } from "./lock-file.ts";
import { detectFormat, parseLockFile } from "./parse-lock-file.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);

async function parse(text: string, nameHint: string | null = null): Promise<LockFile> {
  const parsed = await parseLockFile(text, nameHint);
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.failure);
  return parsed.value;
}

async function refusal(text: string, nameHint: string | null = null): Promise<string> {
  const parsed = await parseLockFile(text, nameHint);
  assert.ok(!parsed.ok, "it was taken");
  return parsed.failure;
}

const UV_LOCK = `
version = 1
revision = 3
requires-python = ">=3.12"

[[package]]
name = "Demo.App"
version = "1.0"
source = { registry = "https://user:secret@index.example/simple" }
dependencies = [{ name = "other", marker = "sys_platform == 'linux'" }]
sdist = { url = "https://files.example/a/demo_app-1.0.tar.gz", hash = "sha256:${A}", size = 123, upload-time = "2026-01-01T00:00:00Z" }
wheels = [
    { url = "https://user:secret@files.example/b/demo_app-1.0%2Bcpu-py3-none-any.whl?token=x#y", hash = "sha256:${B}", size = 45 },
]

[[package]]
name = "other"
version = "2.0"
source = { git = "https://repository.example/other?rev=1#0" }

[[package]]
name = "mine"
version = "0.1"
source = { virtual = "." }

[[package]]
name = "local"
version = "0.1"
source = { registry = "wheels" }
wheels = [{ path = "local-0.1-py3-none-any.whl" }]
`;

test("a uv.lock is read with the files of each package", async () => {
  const { format, requirements } = await parse(UV_LOCK, "some/uv.lock");
  assert.equal(format, "uv.lock");
  assert.deepEqual(requirements[0], {
    project: "demo-app",
    specifier: null,
    version: "1.0",
    files: [
      { filename: "demo_app-1.0.tar.gz", hashes: { sha256: A }, sizeBytes: 123 },
      { filename: "demo_app-1.0+cpu-py3-none-any.whl", hashes: { sha256: B }, sizeBytes: 45 },
    ],
    isFromIndex: true,
    note: null,
  });
  assert.deepEqual(
    requirements.slice(1).map(({ project, isFromIndex, note }) => [project, isFromIndex, note]),
    [
      ["other", false, "comes from a repository, not from an index"],
      ["mine", false, "comes from the project itself, not from an index"],
      ["local", false, "comes from a local folder, not from an index"],
    ],
  );
  assert.ok(!JSON.stringify(requirements).includes("secret"));
});

const PYLOCK = `
lock-version = "1.0"
created-by = "test"

[[packages]]
name = "demo"
version = "1.0"
marker = "python_version > '3'"
index = "https://index.example/simple"
[packages.sdist]
name = "demo-1.0.tar.gz"
upload-time = 2026-01-01T00:00:00Z
url = "https://files.example/x/whatever"
size = 9
hashes = { sha256 = "${A}", "__proto__" = "${B}", bad = "zz" }
[[packages.wheels]]
url = "https://files.example/demo-1.0-py3-none-any.whl#fragment"
hashes = { sha256 = "${B.toUpperCase()}" }

[[packages]]
name = "other"
[packages.vcs]
type = "git"
url = "https://repository.example/other"
`;

test("a pylock.toml is read with the files of each package", async () => {
  const { format, requirements } = await parse(PYLOCK, "pylock.dev.toml");
  assert.equal(format, "pylock.toml");
  assert.deepEqual(requirements, [
    {
      project: "demo",
      specifier: null,
      version: "1.0",
      files: [
        { filename: "demo-1.0.tar.gz", hashes: { sha256: A }, sizeBytes: 9 },
        { filename: "demo-1.0-py3-none-any.whl", hashes: { sha256: B }, sizeBytes: null },
      ],
      isFromIndex: true,
      note: "only where python_version > '3'",
    },
    { project: "other", specifier: null, version: null, files: [], isFromIndex: false, note: "comes from a repository, not from an index" },
  ]);
});

test("the format is told by the name, else by the text", () => {
  for (const [text, hint, format] of [
    [UV_LOCK, null, "uv.lock"],
    [PYLOCK, null, "pylock.toml"],
    ["demo", null, "requirements.txt"],
    [UV_LOCK, "application/toml", "uv.lock"],
    [PYLOCK, "text/plain; charset=utf-8", "pylock.toml"],
    ["", "C:\\dir\\uv.lock", "uv.lock"],
    ["", "/dir/PYLOCK.toml", "pylock.toml"],
    [UV_LOCK, "requirements.txt", "requirements.txt"],
    ["", "pylock.a.b.toml", "requirements.txt"],
  ] as const)
    assert.equal(detectFormat(text, hint), format, String(hint));
});

test("a lock that can't be read is refused with the reason", async () => {
  for (const [text, hint, reason] of [
    ["version = 2", "uv.lock", /version is "2", and only 1/],
    ["", "uv.lock", /version is "undefined"/],
    ['lock-version = "2.0"', "pylock.toml", /lock-version is "2.0", and only 1/],
    ["lock-version = 1.0", "pylock.toml", /lock-version/],
    ["version = 1\n[[package]]\nversion = '1'", "uv.lock", /^package 1 has no name/],
    ["version = 1\n[[package]]\nname = '../x'", "uv.lock", /^package 1 has no name/],
    ['lock-version = "1.0"\n[[packages]]\nname = 3', "pylock.toml", /^package 1 has no name/],
    ["version = 1\nversion = 2", "uv.lock", /^it is no TOML: .* \(line 2\)$/],
    [`x = ${"[".repeat(10_000)}`, "uv.lock", /^it is no TOML/],
  ] as const)
    assert.match(await refusal(text, hint), reason);
});

test("a pyproject.toml is told for what it is, by its name or its tables", async () => {
  const reason = "this looks like pyproject.toml; send uv.lock, pylock.toml or requirements";
  assert.equal(await refusal('[project]\nname = "demo"\ndependencies = ["other"]\n'), reason);
  assert.equal(await refusal('[build-system]\nrequires = ["hatchling"]\n', "application/toml"), reason);
  assert.equal(await refusal("[tool.uv.sources]\n"), reason);
  assert.equal(await refusal("demo", "some/pyproject.toml"), reason);
  assert.equal((await parse("demo[project]\n")).requirements.length, 1);
});

test("more packages or files than anybody needs, and a file of great size, are refused", async () => {
  const many = (count: number, text: string) => Array.from({ length: count }, () => text).join("\n");
  assert.match(await refusal(`version = 1\n${many(5_001, "[[package]]\nname = 'a'")}`, "uv.lock"), /more than 5000 packages/);
  assert.match(await refusal(`lock-version = '1.0'\n${many(5_001, "[[packages]]\nname = 'a'")}`, "pylock.toml"), /more than 5000 packages/);
  assert.match(
    await refusal(`version = 1\n[[package]]\nname = 'a'\nwheels = [${"{},".repeat(200_001)}]`, "uv.lock"),
    /more than 200000 files/,
  );
  assert.match(await refusal("#".repeat(8 * MIB + 1)), /larger than 8 MiB/);
});

test("values of the wrong kind are left out", async () => {
  const { requirements } = await parse(
    "version = 1\n[[package]]\nname = 'a'\nversion = 3\nsource = 1\nsdist = []\nwheels = [1, {url = 2, size = -1, hash = 'x'}]",
    "uv.lock",
  );
  assert.deepEqual(requirements[0]!.version, null);
  assert.deepEqual(requirements[0]!.files, [{ filename: null, hashes: {}, sizeBytes: null }]);
});

test("no text makes a reader throw", async () => {
  const pieces = fc.constantFrom(
    "version = 1\n",
    "lock-version = '1.0'\n",
    "[[package]]\n",
    "[[packages]]\n",
    "name = 'a'\n",
    "wheels = [",
    "{",
    "}",
    "]",
    "=",
    "url = '%zz'",
    "hash",
    "'",
    '"',
    "\n",
    "__proto__",
    ".",
    "source = { registry = 'https://x' }\n",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(pieces).map((words) => words.join("")),
  );
  await fc.assert(
    fc.asyncProperty(text, fc.constantFrom(null, "uv.lock", "pylock.toml", "requirements.txt"), async (content, hint) => {
      const parsed = await parseLockFile(content, hint);
      assert.ok(parsed.ok || parsed.failure !== "");
    }),
    { numRuns: 1_500 },
  );
});
