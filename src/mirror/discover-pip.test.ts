import assert from "node:assert/strict";
import { test } from "node:test";
import { foundIn, parsePipConfig } from "./discover-pip.ts";

const HELP = (address: string): string => `
Package Index Options:
  -i, --index-url <url>       Base URL of the Python Package Index (default ${address}). This should point to a repository compliant with PEP 503 (the simple repository API).
  --extra-index-url <url>     Extra URLs of package indexes to use in addition to --index-url.
`;

test("what pip lists is Python's own notation", () => {
  const text = `global.index-url='https://a:b@index.example/simple'\nglobal.extra-index-url='\\nhttps://x.example\\nhttps://y.example'\ninstall.cert="it's \\\\ here"\nWARNING: nothing\n`;
  assert.deepEqual(
    [...parsePipConfig(text)],
    [
      ["global.index-url", ["https://a:b@index.example/simple"]],
      ["global.extra-index-url", ["\nhttps://x.example\nhttps://y.example"]],
      ["install.cert", ["it's \\ here"]],
    ],
  );
});

test("an address that a file has is taken from there, with the password that the help hides", () => {
  const config = parsePipConfig("global.index-url='https://me:secret@index.example/simple/'\nglobal.timeout='5'");
  assert.deepEqual(foundIn(HELP("https://me:****@index.example/simple/"), config, {}), {
    text: "https://me:secret@index.example/simple/",
    from: "pip's settings, global.index-url",
    caFile: null,
    notices: [],
  });
});

test("of several files' addresses, the one that pip would use is taken", () => {
  const config = parsePipConfig(
    "global.index-url='https://old.example/'\nglobal.index-url='https://new.example/simple'\ninstall.index-url='https://other.example/'",
  );
  assert.equal(foundIn(HELP("https://new.example/simple"), config, {})?.text, "https://new.example/simple");
});

test("an address of no file is the one that is built in", () => {
  assert.equal(foundIn(HELP("https://built-in.example/simple"), new Map(), {})?.from, "pip's own default");
});

test("an address whose password stays hidden is no use, and a help without one neither", () => {
  assert.equal(foundIn(HELP("https://****@index.example/"), new Map(), {}), null);
  assert.equal(foundIn("Usage: something else", new Map(), {}), null);
});

test("pip's certificates and further indexes are told along", () => {
  const config = parsePipConfig(`global.cert='~/${import.meta.filename.slice(1)}'\nglobal.extra-index-url='https://x.example/'`);
  const found = foundIn(HELP("https://index.example/"), config, { HOME: "/" });
  assert.equal(found?.caFile, import.meta.filename);
  assert.match(found?.notices?.[0]?.message ?? "", /extra-index-url in pip's settings names further indexes, which are not mirrored/);
  const listed = parsePipConfig(":env:.extra-index-url='https://x.example/'");
  assert.deepEqual(foundIn(HELP("https://index.example/"), listed, {})?.notices, [], "a variable is told by whoever reads the variables");
  assert.equal(foundIn(HELP("https://index.example/"), parsePipConfig("global.cert='/nowhere.pem'"), {})?.caFile, null);
});
