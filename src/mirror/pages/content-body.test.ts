import assert from "node:assert/strict";
import { test } from "node:test";
import * as zlib from "node:zlib";
import { type ContentBody, readContent } from "./content-body.ts";

const MAX_BYTES = 100_000;
const URL_OF_PAGE = "https://index.example/simple/one/";

function body(content: string | Buffer, contentType: string | null, contentEncoding: string | null = null): ContentBody {
  const bytes = Buffer.from(content);
  // In two blocks, as a network would.
  const middle = bytes.length >> 1;
  const blocks = [bytes.subarray(0, middle), bytes.subarray(middle)].map((part) => new Uint8Array(part).buffer);
  return { blocks, sizeBytes: bytes.length, contentType, contentEncoding, url: URL_OF_PAGE };
}

function read(content: string | Buffer, contentType: string | null, contentEncoding: string | null = null): unknown {
  const result = readContent(body(content, contentType, contentEncoding), MAX_BYTES);
  if (result.ok) return [result.value.parser, result.value.text];
  return result.failure.code === "UPSTREAM_MALFORMED" ? result.failure.reason : result.failure.code;
}

test("the content type decides the parser", () => {
  for (const type of ["application/vnd.pypi.simple.v1+json", "application/json; charset=utf-8", "Application/JSON"]) {
    assert.deepEqual(read("{}", type), ["json", "{}"]);
  }
  for (const type of ["application/vnd.pypi.simple.v1+html", "text/html; charset=utf-8", "text/HTML"]) {
    assert.deepEqual(read("<a>", type), ["html", "<a>"]);
  }
});

test("a page without a useful type is told by its first byte", () => {
  for (const type of [null, "", "text/plain", "application/octet-stream"]) {
    assert.deepEqual(read(' \n{"a":1}', type), ["json", ' \n{"a":1}']);
    assert.deepEqual(read("\ufeff<html>", type), ["html", "<html>"]);
    assert.match(String(read("PK\u0003\u0004", type)), /neither JSON nor HTML/);
  }
});

test("JSON that calls itself HTML is JSON", () => {
  assert.deepEqual(read("{}", "text/html"), ["json", "{}"]);
});

test("what is neither is refused by its type, and an empty page by its emptiness", () => {
  assert.equal(read("GIF89a", "image/gif"), 'its content type is "image/gif"');
  assert.equal(read("{}", "application/vnd.pypi.simple.v2+json"), 'its content type is "application/vnd.pypi.simple.v2+json"');
  assert.equal(read("x", "\u001b[31mred"), 'its content type is "?[31mred"');
  assert.equal(read("", "text/html"), "it is empty");
  assert.equal(read(" \r\n", "application/json"), "it is empty");
});

test("every coding is undone, several one after the other", () => {
  const text = "<html>".repeat(100);
  const coded: Readonly<Record<string, Buffer>> = {
    gzip: zlib.gzipSync(text),
    "x-gzip": zlib.gzipSync(text),
    deflate: zlib.deflateSync(text),
    br: zlib.brotliCompressSync(text),
    zstd: zlib.zstdCompressSync(text),
    "gzip, BR": zlib.brotliCompressSync(zlib.gzipSync(text)),
    "identity, gzip": zlib.gzipSync(text),
  };
  for (const [coding, bytes] of Object.entries(coded)) assert.deepEqual(read(bytes, "text/html", coding), ["html", text], coding);
  assert.deepEqual(read(zlib.deflateRawSync(text), "text/html", "deflate"), ["html", text]);
});

test("a bomb is given up at the bound, in every coding and in two over each other", () => {
  const huge = Buffer.alloc(50_000_000, " ");
  const bombs: Readonly<Record<string, Buffer>> = {
    gzip: zlib.gzipSync(huge),
    deflate: zlib.deflateSync(huge),
    br: zlib.brotliCompressSync(huge, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } }),
    zstd: zlib.zstdCompressSync(huge),
    "gzip, gzip": zlib.gzipSync(zlib.gzipSync(huge)),
  };
  for (const [coding, bytes] of Object.entries(bombs)) assert.equal(read(bytes, "text/html", coding), "UPSTREAM_TOO_LARGE", coding);
});

test("codings that are damaged, unknown or too many are refused", () => {
  assert.match(String(read("no gzip", "text/html", "gzip")), /gzip data is damaged/);
  assert.match(String(read(zlib.gzipSync("<html>").subarray(0, 12), "text/html", "gzip")), /gzip data is damaged/);
  assert.equal(read("x", "text/html", "compress"), 'its content coding is "compress"');
  assert.equal(read("x", "text/html", "__proto__"), 'its content coding is "__proto__"');
  assert.equal(read("x", "text/html", "gzip,gzip,gzip,gzip"), "it is coded 4 times");
});

test("HTML is read in the charset that its type or its own head tells, JSON always in UTF-8", () => {
  const latin1 = Buffer.from("<p>caf\u00e9", "latin1");
  assert.deepEqual(read(latin1, "text/html; charset=ISO-8859-1"), ["html", "<p>caf\u00e9"]);
  const meta = Buffer.from('<meta charset="windows-1252"><p>caf\u00e9', "latin1");
  assert.deepEqual(read(meta, "text/html"), ["html", meta.toString("latin1")]);
  assert.deepEqual(read("<p>caf\u00e9", "text/html"), ["html", "<p>caf\u00e9"]);
  assert.deepEqual(read("<p>caf\u00e9", "text/html; charset=no-such-thing"), ["html", "<p>caf\u00e9"]);
  assert.deepEqual(read('{"a":"\u00e9"}', "application/json; charset=latin1"), ["json", '{"a":"\u00e9"}']);
});
