import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../test/support/properties.ts";
import { apr1, checkPassword } from "./check-password.ts";
import { parseHtpasswd } from "./htpasswd.ts";

/** From Apache's documentation: each is "myPassword". */
const SHA = "{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=";
const APR1 = "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/";
const BCRYPT = "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC";

test("bcrypt, apr1 and {SHA} are known, with comments and empty lines between them", async () => {
  const parsed = parseHtpasswd(`# users\n\none:${SHA}\r\ntwo:${APR1}\nthr ee:${BCRYPT}\n`);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  assert.deepEqual([...parsed.value.keys()], ["one", "two", "thr ee"]);
  for (const hash of parsed.value.values()) {
    assert.equal(await checkPassword("myPassword", hash), true, hash.kind);
    for (const wrong of ["mypassword", "", "myPassword ", "x".repeat(100)])
      assert.equal(await checkPassword(wrong, hash), false, hash.kind);
  }
});

test("what can't be taken is refused with its line, and nothing of the line is shown", () => {
  const lines = [
    `good:${SHA}`,
    "plain:hunter2",
    "nothing",
    ":nobody",
    "crypt:rqXexS6ZhobKA",
    "sha512:$6$rounds=5000$salt$hash",
    "argon:$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA",
    `good:${APR1}`,
    "short:$2y$05$tooshort",
    `dear:${BCRYPT.replace("$05$", "$15$")}`,
    "empty:",
    "{SHA}:x",
    "sha:{SHA}AAAA",
  ];
  const parsed = parseHtpasswd(lines.join("\n"));
  assert.ok(!parsed.ok);
  assert.deepEqual(
    parsed.failure.map(({ line, fault }) => `${line} ${fault}`),
    [
      "2 has a password in plain text or crypt(3)",
      "3 is no USER:HASH",
      "4 is no USER:HASH",
      "5 has a password in plain text or crypt(3)",
      "6 has a password in crypt(3)",
      "7 has a password in crypt(3)",
      "8 names a user that an earlier line has",
      "9 has a password in an unknown kind",
      "10 has bcrypt of cost 15: 4 to 14 are taken",
      "11 has a password in plain text or crypt(3)",
      "12 has a password in plain text or crypt(3)",
      "13 has a password in an unknown kind",
    ],
  );
  assert.doesNotMatch(JSON.stringify(parsed.failure), /hunter2/);
});

test("whatever the file holds, reading it throws nothing and lets nobody in by plain text", () => {
  const part = fc.constantFrom("a:", "$2y$05$", "{SHA}", "$apr1$", ":", "\n", "#", "é", "\0", "x".repeat(53));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const parsed = parseHtpasswd(parts.join(""));
      if (parsed.ok) for (const hash of parsed.value.values()) assert.ok(["bcrypt", "apr1", "sha"].includes(hash.kind));
    }),
  );
});

/** By OpenSSL: openssl passwd -apr1 -salt SALT PASSWORD. */
const MADE_ELSEWHERE = [
  ["", "abc", "$apr1$abc$BfqKdn9xFDWJPa3kcp/PH0"],
  ["x", "12345678", "$apr1$12345678$zbBEMgfXu4mAHPrplrtNt."],
  ["sixteen bytes ok", "a", "$apr1$a$FaunwKu9oQEO0J0u1AfNH0"],
  ["a password of more than sixteen bytes, é", "./Az", "$apr1$./Az$tIPk0t2qJ87obCs4fw/Ii1"],
] as const;

test("apr1 of any length is what OpenSSL says", () => {
  for (const [password, salt, hash] of MADE_ELSEWHERE) assert.equal(apr1(password, salt), hash);
});
