import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../test/support/properties.ts";
import { parseIndexAddress, withoutCredentials } from "./index-address.ts";

test("an address ends with a slash and holds no credentials", () => {
  assert.deepEqual(parseIndexAddress(" https://index.example/simple "), {
    ok: true,
    value: { url: "https://index.example/simple/", auth: null },
  });
  assert.deepEqual(parseIndexAddress("http://me@127.0.0.1:8080"), {
    ok: true,
    value: { url: "http://127.0.0.1:8080/", auth: { kind: "basic", username: "me", password: "" } },
  });
  assert.deepEqual(
    parseIndexAddress("https://__token__:a%20b%zz@index.example/").ok && parseIndexAddress("https://t:a%zz@index.example/"),
    {
      ok: true,
      value: { url: "https://index.example/", auth: { kind: "basic", username: "t", password: "a%zz" } },
    },
  );
});

test("whatever user and password, they come out whole and are shown nowhere", () => {
  const text = fc.string({ minLength: 1, maxLength: 20, unit: "binary" }).filter((one) => one.isWellFormed());
  fc.assert(
    fc.property(text, text, (username, password) => {
      const address = `https://${encodeURIComponent(username)}:${encodeURIComponent(password)}@index.example/simple/`;
      const parsed = parseIndexAddress(address);
      assert.deepEqual(parsed, { ok: true, value: { url: "https://index.example/simple/", auth: { kind: "basic", username, password } } });
      assert.equal(withoutCredentials(address), '"https://***@index.example/simple/"');
    }),
  );
});

test("what stands before an @ is not shown, even where no address could be found", () => {
  for (const text of ["https://u:p@x/", "u:p@x", "https://u:p@ss@x/", "ht tp://u:p@x", "//u:p@x\n@y"]) {
    assert.doesNotMatch(withoutCredentials(text), /u:|p@/, text);
  }
  assert.equal(withoutCredentials("https://x/simple/?token=abc"), '"https://x/simple/?***"');
  assert.equal(withoutCredentials("x/k3jX9vQ2mZ7pL1wR/simple"), '"x/***/simple"');
});
