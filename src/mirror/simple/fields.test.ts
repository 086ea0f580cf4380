import assert from "node:assert/strict";
import test from "node:test";
import {
  apiVersionFault,
  readCoreMetadata,
  readFragment,
  readHashes,
  readRequiresPython,
  readSize,
  readStatus,
  readText,
  readUploadTime,
  readVersions,
  readYanked,
} from "./fields.ts";

const SHA256 = "ab".repeat(32);

test("a digest has the length of its algorithm, in lower-case hexadecimal", () => {
  assert.deepEqual(readHashes([["SHA256", SHA256.toUpperCase()]]), { sha256: SHA256 });
  assert.deepEqual(
    readHashes([
      ["md5", "0f".repeat(16)],
      ["blake2b", "00".repeat(64)],
    ]),
    { md5: "0f".repeat(16), blake2b: "00".repeat(64) },
  );
});

test("an algorithm has one spelling, and a digest of one that only the mirror checks is left out when it can't be right", () => {
  assert.deepEqual(readHashes([["SHA3-512", "ab".repeat(64)]]), { sha3_512: "ab".repeat(64) });
  assert.deepEqual(readHashes([["sha3_512", SHA256]]), {});
  assert.deepEqual(readFragment(`sha3-256=${SHA256}`), [["sha3_256", SHA256]]);
});

test("a digest that clients would check and that can't be one loses the file", () => {
  for (const digest of ["...", "ab", `${SHA256}00`, `${SHA256.slice(1)}x`, 7, true, {}, [SHA256]]) {
    assert.equal(readHashes([["sha256", digest]]), null, String(digest));
  }
});

test("a digest that isn't told, or that nobody knows, is no digest", () => {
  assert.deepEqual(
    readHashes([
      ["sha256", null],
      ["sha256", ""],
    ]),
    {},
  );
  assert.deepEqual(
    readHashes([
      ["blake2b", "..."],
      ["__proto__", SHA256],
      ["x y", SHA256],
    ]),
    {},
  );
  assert.deepEqual(
    readHashes([
      ["sha256", SHA256],
      ["SHA256", "00".repeat(32)],
    ]),
    { sha256: SHA256 },
  );
  assert.equal(Object.keys(readHashes(Array.from({ length: 1000 }, (_, at) => [`x${at}`, SHA256])) ?? {}).length, 16);
});

test("a fragment has digests among other things", () => {
  assert.deepEqual(readFragment(`sha256=${SHA256}`), [["sha256", SHA256]]);
  assert.deepEqual(readFragment(`egg=foo&MD5=00&subdirectory=x`), [["md5", "00"]]);
  assert.deepEqual(readFragment("blake2b_256=00&sha3_256=11"), [
    ["blake2b_256", "00"],
    ["sha3_256", "11"],
  ]);
  for (const none of ["", "top", "egg=foo", "=", "&&"]) assert.deepEqual(readFragment(none), [], none);
});

test("metadata is there, or not, or there with its digests", () => {
  assert.equal(readCoreMetadata(true), true);
  assert.equal(readCoreMetadata("true"), true);
  assert.equal(readCoreMetadata(""), true);
  assert.deepEqual(readCoreMetadata({ sha256: SHA256 }), { sha256: SHA256 });
  assert.deepEqual(readCoreMetadata(`sha256=${SHA256}`), { sha256: SHA256 });
  for (const none of [false, null, undefined, "false", 1, {}, []]) assert.equal(readCoreMetadata(none), false, String(none));
});

test("metadata whose digest can't be right is not offered", () => {
  for (const wrong of [{ sha256: "..." }, "sha256=...", "sha256=", { sha256: null }, { sha256: 7, blake2b: "00".repeat(32) }]) {
    assert.equal(readCoreMetadata(wrong), false, JSON.stringify(wrong));
  }
});

test("yanked is no, yes, or why", () => {
  for (const no of [false, null, undefined, "", 0, 1, {}]) assert.equal(readYanked(no), false, String(no));
  assert.equal(readYanked(true), true);
  assert.equal(readYanked("broken"), "broken");
  assert.equal(readYanked("\x1b\x07"), true);
  assert.equal(String(readYanked("x".repeat(10_000))).length, 4096);
});

test("texts lose what could not be shown", () => {
  assert.equal(readText("a\r\nb\rc\td\x1b[31m\0\x9b\ud800", 99), "a\nb\nc\td[31m\ufffd");
  assert.equal(readText("größe \u{1f600}", 99), "größe \u{1f600}");
  assert.equal(readText("", 99), null);
  assert.equal(readText(7, 99), null);
  assert.equal(readRequiresPython(">=3.7"), ">=3.7");
  assert.equal(readRequiresPython(`>=3.7,!=${"9".repeat(2000)}`), null);
});

test("sizes are whole numbers of bytes", () => {
  assert.equal(readSize(0), 0);
  assert.equal(readSize(5e9), 5e9);
  for (const wrong of [-1, 1.5, 2 ** 53, Number.NaN, "7", null, true]) assert.equal(readSize(wrong), null, String(wrong));
});

test("an upload time is a moment", () => {
  for (const time of ["2022-10-26T09:39:21Z", "2022-10-26T09:39:21.123456Z", "2022-10-26T09:39:21+02:00"]) {
    assert.equal(readUploadTime(time), time);
  }
  for (const wrong of [
    "2022-10-26",
    "2022-10-26T09:39:21",
    "2022-10-26 09:39:21Z",
    "2022-13-26T09:39:21Z",
    "yesterday",
    "",
    1666777161,
    null,
  ]) {
    assert.equal(readUploadTime(wrong), null, String(wrong));
  }
});

test("a status is a word, known or not", () => {
  assert.deepEqual(readStatus("quarantined", "the project is haunted"), { state: "quarantined", reason: "the project is haunted" });
  assert.deepEqual(readStatus(" Archived ", ""), { state: "archived", reason: null });
  assert.deepEqual(readStatus("of-the-future", undefined), { state: "of-the-future", reason: null });
  for (const wrong of [undefined, null, "", "two words", "<b>", 7, "x".repeat(65)])
    assert.equal(readStatus(wrong, null), null, String(wrong));
});

test("versions are listed once each", () => {
  assert.deepEqual(readVersions(["1.0", "2.0", "1.0", 7, null, "", "x".repeat(300), " 3.0 "]), ["1.0", "2.0", "3.0"]);
  assert.equal(readVersions("1.0"), null);
  assert.equal(readVersions(undefined), null);
});

test("only a greater major version is another API", () => {
  for (const understood of ["1.0", "1.4", "1.99", "1", 1.1, "0.9", "", "draft", undefined, null, { toString: 7 }]) {
    assert.equal(apiVersionFault(understood), null, JSON.stringify(understood));
  }
  for (const other of ["2.0", "2", 2, "10.1"]) assert.match(apiVersionFault(other) ?? "", /only 1\.x is understood/, String(other));
});
