/** Passwords on the thread that checks them: real bcrypt, a flood, and the loss of the thread. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { hashSync } from "bcryptjs";
import { createClientAuth } from "../src/mirror/client-auth.ts";
import type { PasswordHash } from "../src/mirror/clients/htpasswd.ts";
import { type Checked, ThreadQueue } from "../src/mirror/clients/password-queue.ts";

const root = mkdtempSync(join(tmpdir(), "pilotlight-passwords-"));
after(() => rmSync(root, { recursive: true, force: true }));

const CHEAP: PasswordHash = { kind: "bcrypt", text: hashSync("right", 4) };
/** Long enough that nothing is answered before everything is asked. */
const DEAR: PasswordHash = { kind: "bcrypt", text: hashSync("right", 10) };

test("users of an htpasswd file are let in by bcrypt, and remembered", async (t) => {
  const file = join(root, "users");
  writeFileSync(file, `me:${hashSync("right", 5)}\n`);
  const auth = createClientAuth({ tokens: [], htpasswdFile: file }, { nowMs: () => 0, log: () => {} });
  assert.ok(auth.ok);
  t.after(() => auth.value.close());
  const header = (password: string) => `Basic ${Buffer.from(`me:${password}`).toString("base64")}`;
  assert.equal(await auth.value.check(header("right")), "allowed");
  assert.equal(await auth.value.check(header("wrong")), "denied");
  assert.equal(auth.value.check(header("right")), "allowed");
});

test("guesses at one name are bounded, and another name does not wait behind them", async (t) => {
  const queue = new ThreadQueue();
  t.after(() => queue.close());
  const order: string[] = [];
  const ask = (user: string, password: string) =>
    queue.check(user, password, DEAR).then((checked) => {
      if (checked !== "busy") order.push(user);
      return checked;
    });
  const guesses = Array.from({ length: 50 }, (_, index) => ask("victim", `guess ${index}`));
  const other = ask("other", "right");
  assert.equal(await other, "right");
  const checked = await Promise.all(guesses);
  const count = (kind: Checked) => checked.filter((one) => one === kind).length;
  assert.deepEqual([count("right"), count("wrong"), count("busy")], [0, 5, 45]);
  // One was under way when the other came, and one more waited before it.
  assert.ok(order.indexOf("other") <= 2, order.join());
});

test("the loop turns while passwords are checked", async (t) => {
  const queue = new ThreadQueue();
  t.after(() => queue.close());
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const checked = await queue.check("me", "wrong", { kind: "bcrypt", text: hashSync("right", 11) });
  clearInterval(timer);
  assert.equal(checked, "wrong");
  assert.ok(turns > 10, `${turns} turns`);
});

test("so many names at once are too many", async (t) => {
  const queue = new ThreadQueue();
  t.after(() => queue.close());
  const all = Array.from({ length: 300 }, (_, index) => queue.check(`user ${index}`, "x", CHEAP));
  const checked = await Promise.all(all);
  assert.equal(checked.filter((one) => one === "busy").length, 99);
});

test("a queue that is closed answers what waits, and what comes later", async () => {
  const queue = new ThreadQueue();
  const waiting = [queue.check("a", "right", DEAR), queue.check("b", "right", DEAR)];
  await queue.close();
  assert.deepEqual(await Promise.all(waiting), ["busy", "busy"]);
  assert.equal(await queue.check("a", "right", CHEAP), "busy");
});
