/**
 * Web Cryptography of the sandbox: every operation once by known answers or by
 * round trip, and what a hostile guest may try with keys.
 */
import assert from "node:assert/strict";
import { createHmac, webcrypto } from "node:crypto";
import { after, before, test } from "node:test";
import { PENDING_MAX, runAsyncOp, runSyncOp } from "../src/engines/javascript/ops/run.ts";
import { openWebSandbox, type WebSandbox } from "./support/web-sandbox.ts";

let sandbox: WebSandbox;
before(async () => {
  sandbox = await openWebSandbox();
});
after(() => sandbox.close());

const PRELUDE = `const { subtle } = crypto; const text = (s) => new TextEncoder().encode(s); const hex = (b) => new Uint8Array(b).toHex();
  const thrown = async (action) => { try { await action(); return "nothing"; } catch (error) { return error.name; } };`;
const run = (code: string, input?: unknown): Promise<unknown> => sandbox.run(PRELUDE + code, input);

test("digests and HMAC give the known answers", async () => {
  const seen =
    await run(`const key = await subtle.importKey("raw", text("secret"), { name: "HMAC", hash: "SHA-256" }, true, ["sign", "verify"]);
    const signature = await subtle.sign("HMAC", key, text("message"));
    return [hex(await subtle.digest("SHA-256", text("abc"))), hex(await subtle.digest({ name: "sha-1" }, new ArrayBuffer(0))), (await subtle.digest("SHA-512", new Uint8Array(300000))).byteLength,
      hex(signature), await subtle.verify("HMAC", key, signature, text("message")), await subtle.verify("HMAC", key, signature, text("other")), key.algorithm, (await subtle.exportKey("jwk", key)).k, hex(await subtle.exportKey("raw", key))];`);
  assert.deepEqual(seen, [
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    64,
    createHmac("sha256", "secret").update("message").digest("hex"),
    true,
    false,
    { name: "HMAC", hash: { name: "SHA-256" }, length: 48 },
    Buffer.from("secret").toString("base64url"),
    Buffer.from("secret").toString("hex"),
  ]);
});

test("every signing algorithm signs what it verifies, and nothing else", async () => {
  const seen = await run(`const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
    const cases = [[{ name: "RSASSA-PKCS1-v1_5", ...rsa }, "RSASSA-PKCS1-v1_5"], [{ name: "RSA-PSS", ...rsa }, { name: "RSA-PSS", saltLength: 32 }], [{ name: "ECDSA", namedCurve: "P-384" }, { name: "ECDSA", hash: "SHA-384" }], [{ name: "Ed25519" }, "Ed25519"], [{ name: "HMAC", hash: "SHA-512" }, "HMAC"]];
    return Promise.all(cases.map(async ([generate, sign]) => {
      const made = await subtle.generateKey(generate, false, ["sign", "verify"]); const own = made.privateKey ?? made, open = made.publicKey ?? made;
      const signature = await subtle.sign(sign, own, text("m"));
      return [await subtle.verify(sign, open, signature, text("m")), await subtle.verify(sign, open, signature, text("n")), own.extractable, own.type, await thrown(() => subtle.exportKey("jwk", own))];
    }));`);
  const pair = [true, false, false, "private", "InvalidAccessError"];
  assert.deepEqual(seen, [pair, pair, pair, pair, [true, false, false, "secret", "InvalidAccessError"]]);
});

test("every cipher opens what it closed", async () => {
  const seen = await run(`const rsa = { name: "RSA-OAEP", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
    const cases = [[{ name: "AES-GCM", length: 256 }, { name: "AES-GCM", iv: new Uint8Array(12), additionalData: text("aad") }], [{ name: "AES-CBC", length: 128 }, { name: "AES-CBC", iv: new Uint8Array(16) }], [{ name: "AES-CTR", length: 256 }, { name: "AES-CTR", counter: new Uint8Array(16), length: 64 }], [rsa, { name: "RSA-OAEP" }]];
    return Promise.all(cases.map(async ([generate, use]) => { const made = await subtle.generateKey(generate, false, ["encrypt", "decrypt"]);
      const closed = await subtle.encrypt(use, made.publicKey ?? made, text("plain")); const broken = new Uint8Array(closed.slice(0)); broken[broken.length - 1] ^= 1;
      return [new TextDecoder().decode(await subtle.decrypt(use, made.privateKey ?? made, closed)), use.name === "AES-GCM" ? await thrown(() => subtle.decrypt(use, made, broken)) : null]; }));`);
  assert.deepEqual(seen, [
    ["plain", "OperationError"],
    ["plain", null],
    ["plain", null],
    ["plain", null],
  ]);
});

test("keys are derived, agreed, wrapped and unwrapped as in Node", async () => {
  const password = await webcrypto.subtle.importKey("raw", new TextEncoder().encode("password"), "PBKDF2", false, ["deriveBits"]);
  const pbkdf2 = await webcrypto.subtle.deriveBits(
    { name: "PBKDF2", hash: "SHA-256", salt: new Uint8Array(16), iterations: 1000 },
    password,
    256,
  );
  const seen = (await run(`const password = await subtle.importKey("raw", text("password"), "PBKDF2", false, ["deriveBits", "deriveKey"]);
    const parameters = { name: "PBKDF2", hash: "SHA-256", salt: new Uint8Array(16), iterations: 1000 };
    const aes = await subtle.deriveKey(parameters, password, { name: "AES-GCM", length: 256 }, true, ["encrypt"]);
    const [a, b] = await Promise.all([1, 2].map(() => subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits", "deriveKey"])));
    const [x, y] = await Promise.all([1, 2].map(() => subtle.generateKey("X25519", false, ["deriveBits"])));
    const secrets = await Promise.all([[a, b, "ECDH"], [b, a, "ECDH"], [x, y, "X25519"], [y, x, "X25519"]].map(async ([own, other, name]) => hex(await subtle.deriveBits({ name, public: other.publicKey }, own.privateKey, 256))));
    const hkdf = await subtle.deriveKey({ name: "ECDH", public: b.publicKey }, a.privateKey, "HKDF", false, ["deriveBits"]);
    const stretched = await subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: new Uint8Array(0) }, hkdf, 128);
    const kw = await subtle.generateKey({ name: "AES-KW", length: 128 }, false, ["wrapKey", "unwrapKey"]);
    const wrapped = await subtle.wrapKey("raw", aes, kw, "AES-KW");
    const back = await subtle.unwrapKey("raw", wrapped, kw, "AES-KW", "AES-GCM", true, ["encrypt"]);
    return [hex(await subtle.deriveBits(parameters, password, 256)), hex(await subtle.exportKey("raw", aes)), secrets[0] === secrets[1], secrets[2] === secrets[3], secrets[0] !== secrets[2], stretched.byteLength, wrapped.byteLength, hex(await subtle.exportKey("raw", back))];`)) as unknown[];
  const expected = Buffer.from(pbkdf2).toString("hex");
  assert.deepEqual(seen, [expected, expected, true, true, true, 16, 40, expected]);
});

test("keys made elsewhere are imported and used", async () => {
  const pair = (await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
  const signature = await webcrypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, pair.privateKey, new TextEncoder().encode("m"));
  const input = {
    jwk: await webcrypto.subtle.exportKey("jwk", pair.publicKey),
    spki: [...new Uint8Array(await webcrypto.subtle.exportKey("spki", pair.publicKey))],
    signature: [...new Uint8Array(signature)],
  };
  const seen = await run(
    `const algorithm = { name: "ECDSA", namedCurve: "P-256" }, use = { name: "ECDSA", hash: "SHA-256" };
    const keys = [await subtle.importKey("jwk", input.jwk, algorithm, true, ["verify"]), await subtle.importKey("spki", new Uint8Array(input.spki), algorithm, true, ["verify"])];
    return Promise.all(keys.map((key) => subtle.verify(use, key, new Uint8Array(input.signature), text("m"))));`,
    input,
  );
  assert.deepEqual(seen, [true, true]);
});

test("what is wrong is refused by the standard's names", async () => {
  const seen = await run(`const hmac = await subtle.importKey("raw", text("k"), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    return [await thrown(() => subtle.exportKey("raw", hmac)), await thrown(() => subtle.verify("HMAC", hmac, new Uint8Array(1), new Uint8Array(1))), await thrown(() => subtle.digest("MD5", new Uint8Array(1))),
      await thrown(() => subtle.importKey("raw", new Uint8Array(5), "AES-GCM", false, ["encrypt"])), await thrown(() => subtle.importKey("jwk", { kty: "nope" }, "AES-GCM", false, ["encrypt"])), await thrown(() => subtle.sign("HMAC", {}, new Uint8Array(1))),
      await thrown(() => subtle.generateKey({ name: "RSA-PSS", modulusLength: 65536, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" }, true, ["sign"])), await thrown(() => subtle.sign({ name: "ECDSA", hash: "SHA-256" }, hmac, new Uint8Array(1))), await thrown(() => subtle.digest("SHA-1", "text"))];`);
  assert.deepEqual(seen, [
    "InvalidAccessError",
    "InvalidAccessError",
    "NotSupportedError",
    "DataError",
    "DataError",
    "TypeError",
    "RangeError",
    "InvalidAccessError",
    "TypeError",
  ]);
});

test("work that would hold a thread for long is refused", async () => {
  const seen = await run(`const password = await subtle.importKey("raw", text("p"), "PBKDF2", false, ["deriveBits"]);
    return [await thrown(() => subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: new Uint8Array(1), iterations: 1e9 }, password, 256)), await thrown(() => subtle.generateKey({ name: "RSA-PSS", modulusLength: 2048, publicExponent: new Uint8Array([9, 1]), hash: "SHA-256" }, true, ["sign"]))];`);
  assert.deepEqual(seen, ["RangeError", "OperationError"]);
});

test("a key's envelope opens only whole, unchanged and in its own function", async () => {
  const { context } = sandbox;
  const call = (caller: typeof context, name: string, ...args: unknown[]): Promise<unknown> =>
    new Promise((resolve) => {
      const refused = runAsyncOp(caller, 0, name, args, resolve);
      if (refused !== undefined) resolve(refused);
    });
  const made = (await call(context, "crypto.importKey", "raw", new Uint8Array(8), { name: "HMAC", hash: "SHA-256" }, false, ["sign"])) as {
    envelope: Uint8Array;
  };
  const sign = (caller: typeof context, envelope: unknown): Promise<unknown> =>
    call(caller, "crypto.sign", { name: "HMAC" }, envelope, new Uint8Array(1));
  assert.ok((await sign(context, made.envelope)) instanceof Uint8Array);
  const changed = made.envelope.slice();
  changed[20]! ^= 1;
  const other = { ...context, functionId: "other", state: new Map() };
  for (const outcome of [
    await sign(context, changed),
    await sign(other, made.envelope),
    await sign(context, new Uint8Array(0)),
    await sign(context, made.envelope.slice(0, 30)),
  ]) {
    assert.deepEqual(outcome, { $fault: "InvalidAccessError", message: "The key was not made by this function" });
  }
  assert.ok(!Buffer.from(made.envelope).includes(Buffer.alloc(8)), "the key lies open in its envelope");
});

test("ten thousand keys leave nothing behind at the host", async () => {
  assert.equal(
    await run(`let key; for (let i = 0; i < 200; i++) { const keys = await Promise.all(Array.from({ length: 50 }, (_, j) => subtle.importKey("raw", text(i + "-" + j + "-key"), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]))); key ??= keys[0]; }
      return (await subtle.sign("HMAC", key, text("the first still works"))).byteLength;`),
    32,
  );
  assert.equal(sandbox.context.state.size, 0);
});

test("random numbers fill any integer array and never repeat", async () => {
  const seen = (await run(`const ids = new Set(Array.from({ length: 2000 }, () => crypto.randomUUID()));
    const big = crypto.getRandomValues(new Uint32Array(16384)); const small = new Int16Array(3); const same = crypto.getRandomValues(small) === small;
    return [ids.size, [...ids].every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)), new Set(big).size > 16000, same, await thrown(() => crypto.getRandomValues(new Uint8Array(65537))), await thrown(() => crypto.getRandomValues(new Float32Array(1)))];`)) as unknown[];
  assert.deepEqual(seen, [2000, true, true, true, "QuotaExceededError", "TypeMismatchError"]);
  const other = await openWebSandbox();
  const [mine, theirs] = await Promise.all([sandbox, other].map((each) => each.run(`return [Math.random(), crypto.randomUUID()];`)));
  other.close();
  assert.notDeepEqual(mine, theirs);
});

test("operations take nothing unchecked, whatever the arguments are", async () => {
  const { context } = sandbox;
  const nasty = [
    undefined,
    null,
    0,
    -1,
    1e308,
    Number.NaN,
    "x".repeat(100),
    {},
    [],
    new Uint8Array(1),
    new Uint8Array(new SharedArrayBuffer(1)),
    new Map(),
    new Date(0),
    1n,
    { name: {} },
    { name: "HMAC", public: 5 },
    [[1]],
  ];
  const { syncOps, asyncOps } = await import("../src/engines/javascript/ops/index.ts");
  const logged = sandbox.logs.length;
  let count = 0;
  for (const name of syncOps.keys())
    for (const a of nasty) for (const b of nasty) count += runSyncOp(context, name, [a, b, a, b]) === undefined ? 0 : 1;
  for (const name of [...asyncOps.keys(), "nope"]) {
    for (const a of nasty)
      await Promise.all(
        nasty.map(
          (b) => new Promise((resolve) => (runAsyncOp(context, 0, name, [a, b, a, b, a, b], resolve) === undefined ? count++ : resolve(0))),
        ),
      );
  }
  assert.ok(count > 0);
  assert.deepEqual(sandbox.logs.slice(logged), [], "an operation failed in a way it does not foresee");
});

test("a sandbox may have only so many operations in flight", async () => {
  const { context } = sandbox;
  const settled: Promise<unknown>[] = [];
  const refusals: unknown[] = [];
  for (let at = 0; at < PENDING_MAX + 5; at++) {
    settled.push(
      new Promise((resolve) => {
        const refused = runAsyncOp(context, 0, "crypto.digestLong", ["SHA-1", new Uint8Array(1)], resolve);
        if (refused === undefined) return;
        refusals.push(refused);
        resolve(null);
      }),
    );
  }
  await Promise.all(settled);
  assert.deepEqual(
    refusals.map((refusal) => (refusal as { $fault: string }).$fault),
    new Array(5).fill("QuotaExceededError"),
  );
});

test("bytes that cross are cut to what they show", () => {
  const random = runSyncOp(sandbox.context, "crypto.random", [16]) as Uint8Array;
  assert.equal(random.buffer.byteLength, 16);
});
