/** Where a mirror that is told nothing finds its index: variables, files of uv, and programs called pip. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import type { DiscoveredIndex } from "../src/config/mirror/discovered.ts";
import { discoverIndex } from "../src/mirror/discover-index.ts";
import { askPip } from "../src/mirror/discover-pip.ts";

const root = mkdtempSync(join(tmpdir(), "pilotlight-discover-"));
after(() => rmSync(root, { recursive: true, force: true }));

function place(path: string, text: string, mode = 0o644): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
  return file;
}

/** A folder with a program of that name: `sh` with the arguments that it is called with. */
function program(folder: string, name: string, script: string): string {
  return dirname(place(`${folder}/${name}`, `#!/bin/sh\n${script}\n`, 0o755));
}

const PIP = program(
  "pip",
  "pip",
  `case "$*" in
"install --help") echo "  -i, --index-url <url>  Base URL of the Python Package Index (default https://me:****@pip.example/simple). And so on" ;;
"config list") echo "global.index-url='https://me:pw@pip.example/simple'" ;;
*) exit 1 ;;
esac`,
);
const NO_PIP = join(root, "nothing");

/** Nothing of this machine's own settings gets in. */
function env(more: Record<string, string> = {}): Record<string, string> {
  return { HOME: join(root, "home"), XDG_CONFIG_DIRS: join(root, "xdg"), PATH: NO_PIP, ...more };
}

async function found(more: Record<string, string>): Promise<DiscoveredIndex> {
  const result = await discoverIndex(env(more));
  assert.ok(result !== null && "address" in result, JSON.stringify(result));
  return result;
}

test("variables are believed at once, pip's before uv's", async () => {
  const all = {
    PIP_INDEX_URL: "https://a.example/simple",
    UV_DEFAULT_INDEX: "https://b.example/",
    UV_INDEX_URL: "https://c.example/",
    PATH: PIP,
  };
  const { address, from } = await found(all);
  assert.deepEqual([address.url, from], ["https://a.example/simple/", "PIP_INDEX_URL"]);
  assert.equal((await found({ ...all, PIP_INDEX_URL: "" })).from, "UV_DEFAULT_INDEX");
  assert.equal((await found({ UV_INDEX_URL: "https://c.example/" })).address.url, "https://c.example/");
});

test("uv's indexes may have a name, with credentials under it", async () => {
  const { address } = await found({
    UV_DEFAULT_INDEX: "my-company=https://b.example/simple/",
    UV_INDEX_MY_COMPANY_USERNAME: "me",
    UV_INDEX_MY_COMPANY_PASSWORD: "p@ss",
  });
  assert.deepEqual(address, { url: "https://b.example/simple/", auth: { kind: "basic", username: "me", password: "p@ss" } });
  assert.equal((await found({ UV_DEFAULT_INDEX: "https://b.example/simple" })).address.auth, null);
});

test("further indexes in uv's settings are left where they are, and said to be", async () => {
  const main = '[[index]]\nurl = "https://a.example/"\ndefault = true\n';
  const noticesOf = async (name: string, text: string) => (await found({ UV_CONFIG_FILE: place(name, text) })).notices;
  const [notice] = await noticesOf("extra.toml", `${main}[[index]]\nurl = "https://u:pw@b.example/"\n`);
  assert.match(notice!.message, /^uv's settings, .*extra\.toml names further indexes, which are not mirrored/);
  assert.doesNotMatch(JSON.stringify(notice), /pw/);
  const old = await noticesOf("old.toml", 'index-url = "https://a.example/"\nextra-index-url = ["https://b.example/"]\n');
  assert.equal(old.length, 1);
  assert.deepEqual(await noticesOf("alone.toml", main), []);
});

test("uv's files are read by their precedence: the one that is named, the user's, the system's", async () => {
  const user = place(
    "home/.config/uv/uv.toml",
    'index-url = "https://not-this.example/"\n[[index]]\nurl = "https://other.example/"\n[[index]]\nname = "main"\nurl = "https://user.example/simple"\ndefault = true\n',
  );
  place("xdg/uv/uv.toml", 'index-url = "https://system.example/simple"\n');
  const named = place("named.toml", '[pip]\nindex-url = "https://named.example/"\n');
  const read = async (more: Record<string, string>) => {
    const { address, from } = await found(more);
    return [address.url, from];
  };
  assert.deepEqual(await read({}), ["https://user.example/simple/", `uv's settings, ${user}`]);
  assert.deepEqual(await read({ HOME: "/nowhere" }), ["https://system.example/simple/", `uv's settings, ${join(root, "xdg/uv/uv.toml")}`]);
  assert.deepEqual(await read({ UV_CONFIG_FILE: named }), ["https://named.example/", `uv's settings, ${named}`]);
  assert.deepEqual(await read({ UV_INDEX_MAIN_USERNAME: "u" }), ["https://user.example/simple/", `uv's settings, ${user}`]);
  assert.equal(await discoverIndex(env({ UV_NO_CONFIG: "1" })), null);
});

test("a file of uv's that is broken says nothing", async () => {
  for (const text of ["index-url = ", "index = 5\n", "[[index]]\nurl = 5\ndefault = true\n", "\0"]) {
    assert.equal(await discoverIndex(env({ UV_CONFIG_FILE: place("broken.toml", text) })), null, text);
  }
});

test("pip is asked last, for what its files say, passwords included", async () => {
  const { address, from } = await found({ UV_NO_CONFIG: "1", PATH: PIP });
  assert.deepEqual(address, { url: "https://pip.example/simple/", auth: { kind: "basic", username: "me", password: "pw" } });
  assert.equal(from, "pip's settings, global.index-url");
});

test("a Python that has pip as a module is as good as a pip", async () => {
  const help = `test "$1 $2" = "-m pip" || exit 1\nif test "$3" = install; then echo "--index-url <url> Base URL (default https://python.example/simple)"; fi`;
  const path = `${program("broken", "pip", "exit 3")}:${program("python", "python3", help)}`;
  const { address, from } = await found({ UV_NO_CONFIG: "1", PATH: path });
  assert.deepEqual([address.url, from], ["https://python.example/simple/", "pip's own default"]);
});

test("a pip that hangs is given up, and nothing is found", async () => {
  const path = program("hangs", "pip", "exec sleep 600");
  // Its shell's own programs are needed, too.
  assert.equal(await askPip(env({ PATH: `${path}:${process.env["PATH"]}` }), 200), null);
});

test("without any of them, nothing is found", async () => {
  assert.equal(await discoverIndex(env({ UV_NO_CONFIG: "1" })), null);
});

test("what is there but can't be used is told without the password in it", async () => {
  const result = await discoverIndex(env({ PIP_INDEX_URL: "htps://me:hunter2@index.example/" }));
  assert.ok(result !== null && "unusable" in result);
  assert.match(result.unusable, /^No index to mirror is named, and what PIP_INDEX_URL says is no web address/);
  assert.doesNotMatch(result.unusable, /hunter2/);
});

test("an environment that no program can be started with is a machine without pip", async () => {
  assert.equal(await askPip(env({ PATH: PIP, TOO_LONG: "x".repeat(8 * 1024 * 1024) })), null);
});
