import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { after } from "node:test";
import { FolderListing } from "./folder-listing.ts";

const base = mkdtempSync(join(tmpdir(), "pilotlight-listing-"));
after(() => rmSync(base, { recursive: true }));

interface Folder {
  readonly dir: string;
  readonly listing: FolderListing;
  readonly told: string[];
  put(...names: readonly string[]): void;
  /** Project to paths within the folder. */
  projects(): Record<string, string[]>;
}

let folderCount = 0;

function folder(): Folder {
  const dir = join(base, String(folderCount++));
  mkdirSync(dir);
  const told: string[] = [];
  const listing = new FolderListing(dir, (_level, message) => told.push(message));
  const put = (...names: readonly string[]) => {
    for (const name of names) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), name);
    }
  };
  const projects = () =>
    Object.fromEntries([...listing.projects].map(([project, files]) => [project, files.map(({ path }) => path.slice(dir.length + 1))]));
  return { dir, listing, told, put, projects };
}

test("wheels and sdists are listed under their projects' normalised names", () => {
  const { listing, put, projects } = folder();
  put(
    "Demo_App-1.0-py3-none-any.whl",
    "demo_app-1.1.tar.gz",
    "other-2.0.zip",
    "README.md",
    "demo_app-1.1.tar.gz.part",
    ".hidden-1.0.tar.gz",
  );
  assert.equal(listing.look(), true);
  assert.deepEqual(projects(), {
    "demo-app": ["Demo_App-1.0-py3-none-any.whl", "demo_app-1.1.tar.gz"],
    other: ["other-2.0.zip"],
  });
  assert.deepEqual(
    listing.projects.get("demo-app")!.map(({ isZip }) => isZip),
    [true, false],
  );
});

test("a sub-folder counts for the project whose name it bears, and nothing deeper", () => {
  const { listing, told, put, projects } = folder();
  put(
    "Demo.App/demo_app-1.0.tar.gz",
    "Demo.App/other-1.0.tar.gz",
    "incoming/other-2.0.tar.gz",
    "demo-app/deep/demo_app-3.0.tar.gz",
    ".git/demo-1.0.zip",
  );
  listing.look();
  assert.deepEqual(projects(), { "demo-app": ["Demo.App/demo_app-1.0.tar.gz"] });
  assert.equal(told.filter((message) => message.includes("only files of that project count")).length, 2);
});

test("of two files of one name the one in the folder itself counts, and the other is told once", () => {
  const { listing, told, put, projects } = folder();
  put("demo/demo-1.0.tar.gz", "demo-1.0.tar.gz");
  for (let look = 0; look < 3; look++) listing.look();
  assert.deepEqual(projects(), { demo: ["demo-1.0.tar.gz"] });
  assert.equal(told.length, 1);
});

test("a link counts when it stays within the folder", () => {
  const { dir, listing, told, put, projects } = folder();
  const outside = join(base, "secret");
  writeFileSync(outside, "secret");
  put("demo/demo-1.0.tar.gz");
  symlinkSync(outside, join(dir, "leak-1.0.tar.gz"));
  symlinkSync("/dev/zero", join(dir, "endless-1.0.tar.gz"));
  symlinkSync("nowhere", join(dir, "broken-1.0.tar.gz"));
  symlinkSync(join(dir, "demo"), join(dir, "folder-1.0.tar.gz"));
  symlinkSync(base, join(dir, "linked"));
  symlinkSync("demo/demo-1.0.tar.gz", join(dir, "demo-1.0.tar.gz"));
  listing.look();
  assert.deepEqual(projects(), { demo: ["demo/demo-1.0.tar.gz"] });
  for (const name of ["leak", "endless", "broken", "folder"])
    assert.ok(
      told.some((message) => message.includes(`${name}-1.0`)),
      name,
    );
});

test("files that come and go are noticed at the next look, without a change there is none", () => {
  const { dir, listing, put, projects } = folder();
  put("demo-1.0.tar.gz");
  assert.equal(listing.look(), true);
  assert.equal(listing.look(), false);
  put("demo/demo-2.0.tar.gz");
  assert.equal(listing.look(), true);
  put("demo/demo-3.0.tar.gz");
  assert.equal(listing.look(), true);
  rmSync(join(dir, "demo-1.0.tar.gz"));
  assert.equal(listing.look(), true);
  assert.deepEqual(projects(), { demo: ["demo/demo-2.0.tar.gz", "demo/demo-3.0.tar.gz"] });
  rmSync(join(dir, "demo"), { recursive: true });
  assert.equal(listing.look(), true);
  assert.deepEqual(projects(), {});
});

test("a folder that is gone keeps its names: nobody else is to be asked for them", () => {
  const { dir, listing, told, put, projects } = folder();
  put("demo-1.0.tar.gz", "other/other-1.0.tar.gz");
  listing.look();
  renameSync(dir, `${dir}-away`);
  assert.equal(listing.look(), false);
  assert.deepEqual(Object.keys(projects()), ["demo", "other"]);
  assert.ok(told.some((message) => message.includes("keeps its names")));
});
