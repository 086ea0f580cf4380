import assert from "node:assert/strict";
import { test } from "node:test";
import { describeRoom, howToUse } from "./mirror-greeting.ts";

const PLAIN = { host: "127.0.0.1", tls: null, clients: null };

test("pip and uv get lines that work as they are", () => {
  const use = howToUse(PLAIN, 5005);
  assert.equal(use.pip, "pip install --index-url http://127.0.0.1:5005/simple/ NAME");
  assert.equal(use.uv, "uv pip install --default-index http://127.0.0.1:5005/simple/ NAME");
  assert.deepEqual(use.env, { PIP_INDEX_URL: "http://127.0.0.1:5005/simple/", UV_DEFAULT_INDEX: "http://127.0.0.1:5005/simple/" });
});

test("a mirror that listens everywhere is shown where it can be reached", () => {
  assert.equal(howToUse({ ...PLAIN, host: "0.0.0.0" }, 1).url, "http://127.0.0.1:1");
  assert.equal(howToUse({ ...PLAIN, host: "::" }, 1).url, "http://[::1]:1");
  assert.equal(howToUse({ ...PLAIN, tls: { certFile: "", keyFile: "" } }, 1).url, "https://127.0.0.1:1");
});

test("the lines of a mirror that listens everywhere are for others, too", () => {
  const use = howToUse({ ...PLAIN, host: "0.0.0.0" }, 5005, "build-7");
  assert.equal(use.pip, "pip install --index-url http://build-7:5005/simple/ --trusted-host build-7 NAME");
  assert.equal(use.uv, "uv pip install --default-index http://build-7:5005/simple/ NAME");
  assert.equal(use.env["PIP_TRUSTED_HOST"], "build-7");
  assert.equal(howToUse({ ...PLAIN, host: "::" }, 5005, "no name").simpleUrl, "http://[::1]:5005/simple/");
});

test("pip is told to trust another machine's plain HTTP", () => {
  assert.match(
    howToUse({ ...PLAIN, host: "10.0.0.7" }, 5005).pip,
    /--index-url http:\/\/10\.0\.0\.7:5005\/simple\/ --trusted-host 10\.0\.0\.7 NAME$/,
  );
});

test("where clients are asked who they are, the lines have a place for it", () => {
  const use = howToUse({ ...PLAIN, clients: { tokens: ["0123456789abcdef"], htpasswdFile: null } }, 5005);
  assert.match(use.uv, /http:\/\/USER:PASSWORD@127\.0\.0\.1:5005\/simple\//);
  assert.doesNotMatch(JSON.stringify(use), /0123456789abcdef/);
});

test("the cache's room is told as people read sizes", () => {
  assert.deepEqual([5 * 1024 ** 3, 1_000_000, 0].map(describeRoom), ["at most 5 GiB", "at most 977 KiB", "keeps no files"]);
});
