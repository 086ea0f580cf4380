import assert from "node:assert/strict";
import { test } from "node:test";
import { publicLookup } from "./fetch-dispatcher.ts";
import { requireTarget } from "./fetch-target.ts";

function refusal(allow: readonly string[], url: string): string {
  try {
    return requireTarget({ fetch: allow }, url).reach;
  } catch (error) {
    return (error as Error).message;
  }
}

test("nothing is reachable until it is named", () => {
  assert.match(refusal([], "https://api.test/"), /https:\/\/api\.test is not allowed; name it/);
  assert.throws(() => requireTarget({}, "https://api.test/"), /not allowed/);
});

test("an origin is named exactly: scheme, host and port", () => {
  const allow = ["https://api.test", "http://127.0.0.1:9000/", "not a url"];
  assert.equal(refusal(allow, "https://API.test:443/path?query"), "named");
  assert.equal(refusal(allow, "http://127.0.0.1:9000/x"), "named");
  assert.equal(refusal(allow, "http://127.1:9000/x"), "named");
  for (const url of [
    "http://api.test/",
    "https://api.test:8443/",
    "https://x.api.test/",
    "https://api.test.evil.test/",
    "http://127.0.0.1:9001/",
  ]) {
    assert.match(refusal(allow, url), /not allowed/, url);
  }
});

test('"*" covers public addresses only, however a private one is spelled', () => {
  assert.equal(refusal(["*"], "https://api.test/"), "public");
  assert.equal(refusal(["*"], "http://8.8.8.8/"), "public");
  const spellings = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0",
    "10.0.0.1",
    "169.254.169.254",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fd00::1]",
    "[fe80::1]",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
  ];
  for (const host of spellings) assert.match(refusal(["*"], `http://${host}/`), /which "\*" does not cover/, host);
  assert.equal(refusal(["*", "http://127.0.0.1"], "http://2130706433/"), "named");
});

test("other schemes, credentials and nonsense are refused by name", () => {
  assert.match(refusal(["*"], "file:///etc/passwd"), /scheme file: is not supported/);
  assert.match(refusal(["*"], "https://user:pass@api.test/"), /credentials/);
  assert.match(refusal(["*"], "//nope"), /is not a URL/);
});

type Outcome = { error: string } | { address: unknown };

function lookup(addresses: string[], options: object): Promise<Outcome> {
  const answers = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  return new Promise((resolve) => {
    publicLookup((_host, callback) => callback(null, answers))("name.test", options as never, (error, address) => {
      resolve(error === null ? { address } : { error: error.message });
    });
  });
}

test("a name is connected to at a public address it resolved to, and at no other", async () => {
  assert.deepEqual(await lookup(["10.0.0.1", "8.8.8.8"], {}), { address: "8.8.8.8" });
  assert.deepEqual(await lookup(["127.0.0.1", "2606:4700::1111", "1.1.1.1"], { all: true }), {
    address: [
      { address: "2606:4700::1111", family: 6 },
      { address: "1.1.1.1", family: 4 },
    ],
  });
  assert.deepEqual(await lookup(["2606:4700::1111", "1.1.1.1"], { family: 4 }), { address: "1.1.1.1" });
});

test("a name that resolves to private addresses only is refused", async () => {
  const outcome = await lookup(["10.0.0.1", "::1"], { all: true });
  assert.match((outcome as { error: string }).error, /name\.test has a private address/);
  assert.match(((await lookup([], {})) as { error: string }).error, /invalid address/);
});

test("a name that does not resolve fails with the resolver's error", async () => {
  const error = await new Promise((resolve) => {
    publicLookup((_host, callback) => callback(new Error("ENOTFOUND"), []))("name.test", {} as never, (failure) =>
      resolve(failure?.message),
    );
  });
  assert.equal(error, "ENOTFOUND");
});
