import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "../../test/support/properties.ts";
import type { ClientsConfig } from "../config/mirror-config.ts";
import { type ClientAuth, createClientAuth, parseAuthorization } from "./client-auth.ts";
import { apr1 } from "./clients/check-password.ts";
import type { Checked, PasswordQueue } from "./clients/password-queue.ts";

const root = mkdtempSync(join(tmpdir(), "pilotlight-clients-"));
after(() => rmSync(root, { recursive: true, force: true }));

const TOKEN = "0123456789abcdef";

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

function htpasswd(name: string, users: Readonly<Record<string, string>>): string {
  const file = join(root, name);
  writeFileSync(
    file,
    Object.entries(users)
      .map(([user, password]) => `${user}:${apr1(password, "salt")}\n`)
      .join(""),
  );
  return file;
}

/** Answers when it is told to. */
function manualQueue() {
  const asked: { user: string; password: string; answer: (checked: Checked) => void }[] = [];
  const queue: PasswordQueue = {
    check: (user, password) => new Promise((answer) => asked.push({ user, password, answer })),
    close: async () => {},
  };
  return { asked, queue };
}

function open(config: ClientsConfig, queue: PasswordQueue = manualQueue().queue) {
  const state = { nowMs: 1_000_000, lines: [] as string[] };
  const auth = createClientAuth(config, { nowMs: () => state.nowMs, log: (_level, message) => state.lines.push(message), queue });
  assert.ok(auth.ok, JSON.stringify(auth));
  return { auth: auth.value as ClientAuth, state };
}

test("without a configuration everybody is let in", () => {
  const auth = createClientAuth(null, { nowMs: () => 0, log: () => {} });
  assert.equal(auth.ok && auth.value.check(undefined), "allowed");
});

test("a token is taken as a bearer token, and as the password of any user name", () => {
  const { auth } = open({ tokens: ["other-token-of-ours", TOKEN], htpasswdFile: null });
  for (const header of [
    `Bearer ${TOKEN}`,
    `bearer  ${TOKEN}`,
    basic("ci", TOKEN),
    basic("", TOKEN),
    basic("a:b", TOKEN).replace("Basic", "BASIC"),
  ]) {
    const isSplit = header.startsWith("BASIC");
    // A name with a colon ends at it: what follows is the password, and none of ours.
    assert.equal(auth.check(header), isSplit ? "denied" : "allowed", header);
    assert.equal(auth.check(header), isSplit ? "denied" : "allowed", "the second time, too");
  }
});

test("everything else is denied", () => {
  const { auth } = open({ tokens: [TOKEN], htpasswdFile: null });
  const headers = ["", "Bearer", "Bearer ", `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, TOKEN, `Digest ${TOKEN}`, "Basic !", "Basic"];
  const more = [basic(TOKEN, ""), basic("ci", ""), `Bearer ${"x".repeat(100_000)}`, `Bearer ${TOKEN} ${TOKEN}`];
  for (const header of [...headers, ...more]) assert.equal(auth.check(header), "denied", header.slice(0, 40));
  assert.equal(auth.check(undefined), "denied");
});

test("an unknown user is denied without a password being checked", () => {
  const { queue, asked } = manualQueue();
  const { auth } = open({ tokens: [], htpasswdFile: htpasswd("known", { known: "pw" }) }, queue);
  for (const user of ["unknown", "constructor", "__proto__", ""]) assert.equal(auth.check(basic(user, "pw")), "denied");
  assert.equal(asked.length, 0);
});

test("a password is checked once, however many ask at the same time, and remembered", async () => {
  const { queue, asked } = manualQueue();
  const { auth } = open({ tokens: [], htpasswdFile: htpasswd("once", { me: "pw" }) }, queue);
  const both = [auth.check(basic("me", "pw")), auth.check(basic("me", "pw"))];
  assert.equal(asked.length, 1);
  asked[0]!.answer("right");
  assert.deepEqual(await Promise.all(both), ["allowed", "allowed"]);
  assert.equal(auth.check(basic("me", "pw")), "allowed");
  assert.equal(asked.length, 1);
});

test("a wrong password is remembered for a while, being busy is not", async () => {
  const { queue, asked } = manualQueue();
  const { auth, state } = open({ tokens: [], htpasswdFile: htpasswd("wrong", { me: "pw" }) }, queue);
  const first = auth.check(basic("me", "guess"));
  asked[0]!.answer("wrong");
  assert.equal(await first, "denied");
  assert.equal(auth.check(basic("me", "guess")), "denied");
  state.nowMs += 61_000;
  const later = auth.check(basic("me", "guess"));
  assert.equal(asked.length, 2);
  asked[1]!.answer("busy");
  assert.equal(await later, "busy");
  assert.ok(auth.check(basic("me", "guess")) instanceof Promise);
  assert.equal(asked.length, 3);
});

test("guesses push no right password out of what is remembered", async () => {
  const { queue, asked } = manualQueue();
  const { auth } = open({ tokens: [], htpasswdFile: htpasswd("flood", { me: "pw" }) }, queue);
  const right = auth.check(basic("me", "pw"));
  asked[0]!.answer("right");
  await right;
  for (let guess = 0; guess < 3_000; guess++) {
    const checked = auth.check(basic("me", `guess ${guess}`));
    asked.at(-1)!.answer("wrong");
    assert.equal(await checked, "denied");
  }
  assert.equal(auth.check(basic("me", "pw")), "allowed");
});

test("a file that changed is read again, and what was remembered of the old one is forgotten", async () => {
  const { queue, asked } = manualQueue();
  const file = htpasswd("changing", { me: "pw" });
  const { auth, state } = open({ tokens: [TOKEN], htpasswdFile: file }, queue);
  const first = auth.check(basic("me", "pw"));
  asked[0]!.answer("right");
  assert.equal(await first, "allowed");
  renameSync(htpasswd("next", { you: "pw" }), file);
  assert.equal(auth.check(basic("me", "pw")), "allowed", "the file is looked at once a second");
  state.nowMs += 1_000;
  assert.equal(auth.check(basic("me", "pw")), "denied");
  assert.ok(auth.check(basic("you", "pw")) instanceof Promise);
  assert.equal(auth.check(`Bearer ${TOKEN}`), "allowed");
  assert.match(state.lines[0]!, /^Read 1 users from/);
});

test("a check under way while the file changes is answered and not remembered", async () => {
  const { queue, asked } = manualQueue();
  const file = htpasswd("meanwhile", { me: "pw" });
  const { auth, state } = open({ tokens: [], htpasswdFile: file }, queue);
  const early = auth.check(basic("me", "pw"));
  renameSync(htpasswd("next", { me: "another" }), file);
  state.nowMs += 1_000;
  assert.equal(auth.check(undefined), "denied");
  auth.check(basic("me", "x"));
  asked[0]!.answer("right");
  await early;
  assert.ok(auth.check(basic("me", "pw")) instanceof Promise, "it is checked against the new file");
});

test("a file that broke, or is gone, leaves the users of before", async () => {
  const { queue, asked } = manualQueue();
  const file = htpasswd("breaking", { me: "pw" });
  const { auth, state } = open({ tokens: [], htpasswdFile: file }, queue);
  writeFileSync(file, "me:plain hunter2\n");
  state.nowMs += 1_000;
  assert.ok(auth.check(basic("me", "pw")) instanceof Promise);
  rmSync(file);
  state.nowMs += 1_000;
  assert.ok(auth.check(basic("me", "other")) instanceof Promise);
  assert.equal(asked.length, 2);
  assert.match(state.lines[0]!, /breaking:1 has a password in plain text or crypt\(3\).*The users of before stay/);
  assert.match(state.lines[1]!, /no such file/);
  assert.doesNotMatch(state.lines.join(), /hunter2/);
});

test("a file that can't even be looked at leaves the users of before, and is told of once", async () => {
  const { queue, asked } = manualQueue();
  const file = htpasswd("looping", { me: "pw" });
  const { auth, state } = open({ tokens: [], htpasswdFile: file }, queue);
  rmSync(file);
  symlinkSync(file, file);
  for (const password of ["pw", "other"]) {
    state.nowMs += 1_000;
    assert.ok(auth.check(basic("me", password)) instanceof Promise);
  }
  assert.equal(asked.length, 2);
  assert.equal(state.lines.length, 1);
  assert.match(state.lines[0]!, /ELOOP.*The users of before stay/);
});

test("a file is read again even when it was given its old time and has its old size", () => {
  const file = htpasswd("in-place", { me: "pw" });
  const { atime, mtime } = statSync(file);
  utimesSync(file, atime, mtime);
  const { auth, state } = open({ tokens: [], htpasswdFile: file });
  htpasswd("in-place", { us: "pw" });
  utimesSync(file, atime, mtime);
  state.nowMs += 1_000;
  assert.equal(auth.check(basic("me", "pw")), "denied");
  assert.ok(auth.check(basic("us", "pw")) instanceof Promise);
});

test("a file that can't be used at the start is a failure with its line", () => {
  const file = join(root, "bad");
  writeFileSync(file, "# users\nme:hunter2\n");
  const auth = createClientAuth({ tokens: [], htpasswdFile: file }, { nowMs: () => 0, log: () => {} });
  assert.ok(!auth.ok);
  assert.deepEqual([auth.failure.code, auth.failure.at], ["MIRROR_HTPASSWD_UNUSABLE", { file, line: 2 }]);
  assert.equal(auth.failure.message, `${file}:2 has a password in plain text or crypt(3)`);
  assert.equal(auth.failure.hint, "Write passwords by htpasswd -B");
  assert.doesNotMatch(JSON.stringify(auth.failure), /hunter2/);
});

test("whatever is sent, it is parsed or it is not", () => {
  fc.assert(
    fc.property(fc.constantFrom("Basic ", "Bearer ", "basic", ""), fc.string({ maxLength: 60, unit: "binary" }), (scheme, rest) => {
      const sent = parseAuthorization(scheme + rest);
      if (sent !== null) assert.equal(typeof sent.secret, "string");
    }),
  );
});
