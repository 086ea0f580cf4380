import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { test } from "node:test";
import { AddressRefused, Reach, type Resolve } from "./reach.ts";

/** A resolver of names to addresses; those it doesn't have don't exist. */
function names(table: Record<string, string[]>): Resolve {
  return async (host) => {
    const addresses = table[host];
    if (addresses === undefined) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" });
    return addresses.map((address) => ({ address, family: isIP(address) }));
  };
}

function look(lookup: LookupFunction, host: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => {
      if (error) reject(error);
      else resolve((addresses as LookupAddress[]).map(({ address }) => address));
    });
  });
}

const PUBLIC = "93.184.215.14";

test("a public index names public addresses only", async () => {
  const reach = new Reach(
    "https://index.example/simple/",
    names({ "index.example": [PUBLIC], "cdn.example": [PUBLIC], "inner.example": ["10.0.0.7"], "here.example": ["127.0.0.1", "::1"] }),
  );
  assert.deepEqual(await look(reach.namedLookup, "cdn.example"), [PUBLIC]);
  await assert.rejects(look(reach.namedLookup, "inner.example"), AddressRefused);
  await assert.rejects(look(reach.namedLookup, "here.example"), /loopback/);
  for (const literal of [
    "127.0.0.1",
    "[::1]",
    "10.1.2.3",
    "169.254.169.254",
    "[::ffff:169.254.169.254]",
    "2852039166",
    "0.0.0.0",
    "[fd00::1]",
  ]) {
    await assert.rejects(reach.checkLiteral(new URL(`http://${literal}/`)), AddressRefused, literal);
  }
  await reach.checkLiteral(new URL(`http://${PUBLIC}/`));
});

test("a name with public and private addresses is used at the public ones", async () => {
  const reach = new Reach("https://index.example/", names({ "index.example": [PUBLIC], "both.example": ["10.0.0.7", PUBLIC] }));
  assert.deepEqual(await look(reach.namedLookup, "both.example"), [PUBLIC]);
});

test("an index in a private network names its neighbours, though neither this machine nor a link-local service", async () => {
  const reach = new Reach(
    "http://index.corp.example/",
    names({ "index.corp.example": ["10.0.0.1"], "files.corp.example": ["192.168.1.2"], "self.example": ["127.0.0.1"] }),
  );
  assert.deepEqual(await look(reach.namedLookup, "files.corp.example"), ["192.168.1.2"]);
  await reach.checkLiteral(new URL("http://[fd00::1]/"));
  await assert.rejects(look(reach.namedLookup, "self.example"), AddressRefused);
  await assert.rejects(reach.checkLiteral(new URL("http://169.254.169.254/latest/")), /link-local/);
});

test("an index on this machine names this machine and its network", async () => {
  const reach = new Reach("http://127.0.0.1:3141/", names({}));
  for (const literal of ["127.0.0.1:8080", "[::1]", "10.0.0.1"]) await reach.checkLiteral(new URL(`http://${literal}/`));
  await assert.rejects(reach.checkLiteral(new URL("http://169.254.169.254/")), AddressRefused);
});

test("an index that was once seen at a public address stays public, whatever its name says later", async () => {
  let addresses = [PUBLIC];
  const reach = new Reach("http://rebinds.example/", async (host) =>
    (host === "rebinds.example" ? addresses : ["10.0.0.7"]).map((address) => ({ address, family: 4 })),
  );
  assert.deepEqual(await look(reach.ownLookup, "rebinds.example"), [PUBLIC]);
  addresses = ["10.0.0.1"];
  assert.deepEqual(await look(reach.ownLookup, "rebinds.example"), ["10.0.0.1"], "its own origin may be anywhere");
  await assert.rejects(look(reach.namedLookup, "target.example"), AddressRefused);
});

test("an index whose name resolves to nothing names no private address", async () => {
  const reach = new Reach("http://gone.example/", names({ "inner.example": ["10.0.0.7"] }));
  await assert.rejects(look(reach.namedLookup, "inner.example"), AddressRefused);
  await assert.rejects(look(reach.namedLookup, "nowhere.example"), { code: "ENOTFOUND" });
});

test("where a resolver answers every name from one reserved range, an index there names others there", async () => {
  const reach = new Reach("https://index.example/", names({ "index.example": ["198.18.0.5"], "cdn.example": ["198.18.0.6"] }));
  assert.deepEqual(await look(reach.namedLookup, "cdn.example"), ["198.18.0.6"]);
});
