import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { scanFolder } from "./folder.ts";

const roots: string[] = [];
after(() => Promise.all(roots.map((root) => rm(root, { recursive: true }))));

async function folderOf(files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "pilotlight-folder-"));
  roots.push(root);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
  return root;
}

const scan = async (path: string) =>
  (await scanFolder({ kind: "folder", path }, join(path, "data"))).map(({ id, route, engine }) => `${id} ${route} ${engine}`);

test("a folder's functions are listed with their routes, and nothing else is", async () => {
  const path = await folderOf({
    "hello.ts": "",
    "index.js": "",
    "api/users/[id].ts": "",
    "files/[...path].mjs": "",
    "order.wasm": "",
    "_modules/db.ts": "",
    "_shared.ts": "",
    ".git/hook.js": "",
    "node_modules/x/index.js": "",
    "hello.test.ts": "",
    "hello.http": "",
    "package.json": "{}",
    "logo.png": "",
  });
  assert.deepEqual(await scan(path), [
    "api/users/[id] /api/users/:id javascript",
    "files/[...path] /files/* javascript",
    "hello /hello javascript",
    "index / javascript",
    "order /order wasm",
  ]);
});

test("neither what the data folder keeps nor what a build made is a function", async () => {
  const path = await folderOf({
    "hello.ts": "",
    "data/bundles/1f.js": "",
    "dist/manifest.json": '{"format": 1, "guestHash": "1f"}',
    "dist/functions/1f.js": "",
    "app/manifest.json": '{"name": "a web app"}',
    "app/hello.js": "",
  });
  assert.deepEqual(await scan(path), ["app/hello /app/hello javascript", "hello /hello javascript"]);
});

test("an executable is a process function only if its content is a program", async () => {
  const path = await folderOf({
    "py/report": "#!/usr/bin/env python3\n",
    "tool.py": "#!/usr/bin/python3\n",
    "data.csv": "a,b\n",
    LICENSE: "#!",
  });
  for (const name of ["py/report", "tool.py", "data.csv"]) await chmod(join(path, name), 0o755);
  assert.deepEqual(await scan(path), ["py/report /py/report process", "tool /tool process"]);
});

test("two files that differ in their extension alone have ids of their own", async () => {
  assert.deepEqual(await scan(await folderOf({ "a.ts": "", "a.js": "" })), ["a.js /a javascript", "a.ts /a javascript"]);
});

test("links are followed, and a link that leads back up ends the walk there", async () => {
  const path = await folderOf({ "a.ts": "", "sub/b.ts": "" });
  const elsewhere = await folderOf({ "c.ts": "" });
  await symlink(path, join(path, "sub", "loop"));
  await symlink(elsewhere, join(path, "linked"));
  await symlink("nowhere.ts", join(path, "broken.ts"));
  assert.deepEqual(await scan(path), ["a /a javascript", "linked/c /linked/c javascript", "sub/b /sub/b javascript"]);
});

test("a single file and -e own every path", async () => {
  const path = join(await folderOf({ "shop.ts": "" }), "shop.ts");
  assert.deepEqual(await scanFolder({ kind: "file", path }, ""), [{ id: "shop", route: "/*", engine: "javascript", file: path }]);
  assert.deepEqual(await scanFolder({ kind: "eval", code: "" }, ""), [{ id: "main", route: "/*", engine: "javascript", file: "" }]);
});
