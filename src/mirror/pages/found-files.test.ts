import assert from "node:assert/strict";
import { test } from "node:test";
import type { ArtifactKind } from "../artifact.ts";
import { FoundFiles } from "./found-files.ts";
import type { FoundArtifact } from "./pages.ts";

function found(filename: string, kind: ArtifactKind = "file", untilMs: number | null = null): FoundArtifact {
  const source = { kind: "index", index: "index-1", url: `https://index.example/${filename}` } as const;
  return {
    artifact: { kind, project: "p", filename, source, hashes: {}, sizeBytes: null },
    hiddenBy: untilMs === null ? null : { kind: "cooldown", rule: "cooldown 7d", reason: "too young", sinceMs: null, untilMs },
    wouldHide: null,
  };
}

test("a file that was found is found again, by its kind", () => {
  const files = new FoundFiles();
  const one = found("a.whl");
  files.put("p", "a.whl", "file", one, 0, 1_000);
  assert.equal(files.get("p", "a.whl", "file", 0, 1_000), one);
  assert.equal(files.get("p", "a.whl", "metadata", 0, 1_000), null);
  assert.equal(files.get("q", "a.whl", "file", 0, 1_000), null);
});

test("what is listed under the name of a signature is found as that, and as nothing else", () => {
  const files = new FoundFiles();
  const listed = found("a.whl.asc");
  files.put("p", "a.whl", "signature", listed, 0, 1_000);
  assert.equal(files.get("p", "a.whl", "signature", 0, 1_000), listed);
  assert.equal(files.get("p", "a.whl", "file", 0, 1_000), null);
});

test("it is forgotten with its page, with a change of the folder, and judged anew when its cool-down ends", () => {
  const files = new FoundFiles();
  files.put("p", "a.whl", "file", found("a.whl"), 0, 1_000);
  assert.equal(files.get("p", "a.whl", "file", 1, 1_000), null);
  files.drop("p");
  assert.equal(files.get("p", "a.whl", "file", 0, 1_000), null);
  files.put("p", "young.whl", "file", found("young.whl", "file", 2_000), 0, 1_000);
  assert.notEqual(files.get("p", "young.whl", "file", 0, 1_999), null);
  assert.equal(files.get("p", "young.whl", "file", 0, 2_000), null);
  const { hiddenBy, ...shown } = found("shown.whl", "file", 2_000);
  files.put("p", "shown.whl", "file", { ...shown, hiddenBy: null, wouldHide: hiddenBy }, 0, 1_000);
  assert.equal(files.get("p", "shown.whl", "file", 0, 2_000), null, "also of what shadow mode would have hidden");
});

test("beyond 10,000 files the projects go whose files were found longest ago", () => {
  const files = new FoundFiles();
  for (let index = 0; index < 10_000; index++) files.put(`p${index % 100}`, `${index}.whl`, "file", found(`${index}.whl`), 0, 1_000);
  assert.notEqual(files.get("p0", "0.whl", "file", 0, 1_000), null);
  files.put("one-more", "x.whl", "file", found("x.whl"), 0, 1_000);
  assert.equal(files.get("p0", "0.whl", "file", 0, 1_000), null);
  assert.notEqual(files.get("p1", "1.whl", "file", 0, 1_000), null);
  assert.notEqual(files.get("one-more", "x.whl", "file", 0, 1_000), null);
});

test("beyond 16 MiB of what they hold the same projects go, however few they are", () => {
  const files = new FoundFiles();
  const withLongAddress = (name: string): FoundArtifact => {
    const { artifact, ...rest } = found(name);
    return {
      ...rest,
      artifact: { ...artifact, source: { kind: "index", index: "index-1", url: `https://index.example/${"a".repeat(8_000)}` } },
    };
  };
  const isFound = (project: number, file: number): boolean => files.get(`p${project}`, `${file}.whl`, "file", 0, 1_000) !== null;
  const put = (project: number, file: number): void =>
    files.put(`p${project}`, `${file}.whl`, "file", withLongAddress(`${file}.whl`), 0, 1_000);
  for (let file = 0; file < 900; file++) put(file % 9, file);
  assert.ok(isFound(0, 0), "15 MB");
  // The same again takes no more room.
  for (let file = 0; file < 900; file++) put(file % 9, file);
  assert.ok(isFound(0, 0));
  for (let file = 900; file < 1_000; file++) put(9, file);
  assert.deepEqual([isFound(0, 0), isFound(8, 8), isFound(9, 999)], [false, true, true]);
});

test("a project that alone is more is not kept, and leaves the room to others", () => {
  const files = new FoundFiles();
  const one = found("a.whl");
  const huge = {
    ...one,
    artifact: { ...one.artifact, source: { kind: "folder", path: "a".repeat(9 * 1024 * 1024), stamp: "1" } as const },
  };
  files.put("huge", "a.whl", "file", huge, 0, 1_000);
  assert.equal(files.get("huge", "a.whl", "file", 0, 1_000), null);
  files.put("p", "a.whl", "file", one, 0, 1_000);
  assert.equal(files.get("p", "a.whl", "file", 0, 1_000), one);
});
