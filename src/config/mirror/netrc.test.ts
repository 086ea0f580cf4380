import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../test/support/properties.ts";
import { netrcEntryOf, parseNetrc } from "./netrc.ts";

test("entries are words in any layout, with comments and quotes", () => {
  const entries = parseNetrc(`# mine
machine a.example login me password secret
machine B.example
  login "two words"
  account x
  password "with \\"quotes\\""
machine c.example user old password #hash
`);
  assert.deepEqual(entries, [
    { host: "a.example", login: "me", password: "secret" },
    { host: "b.example", login: "two words", password: 'with "quotes"' },
    { host: "c.example", login: "old", password: "#hash" },
  ]);
});

test("a macro's lines are not entries", () => {
  const entries = parseNetrc(
    "machine a.example login x password y\nmacdef init\nmachine evil.example login z password z\n\nmachine b.example login p password q\n",
  );
  assert.deepEqual(
    entries.map(({ host }) => host),
    ["a.example", "b.example"],
  );
});

test("the first entry of a host counts, and the one for all others never", () => {
  const entries = parseNetrc("machine a.example login 1 password x machine a.example login 2 password x default login any password x");
  assert.equal(netrcEntryOf(entries, "A.EXAMPLE")?.login, "1");
  assert.equal(netrcEntryOf(entries, "b.example"), null);
});

test("whatever the text, reading it ends and throws nothing", () => {
  const words = fc.constantFrom("machine", "default", "login", "password", "macdef", "account", '"', "\\", "\n", "\n\n", " ", "#", "x");
  fc.assert(
    fc.property(fc.array(words, { maxLength: 60 }), (parts) => {
      for (const entry of parseNetrc(parts.join(" "))) assert.equal(typeof entry.login, "string");
    }),
  );
});
