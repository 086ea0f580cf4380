import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../test/support/http.ts";
import { connectionsThatFit, descriptorNotice, parseOpenFiles } from "./descriptor-limit.ts";

const TEXT = `Limit                     Soft Limit           Hard Limit           Units
Max processes             127229               127229               processes
Max open files            1024                 4096                 files
`;

test("the soft limit counts, and no limit is none", () => {
  assert.equal(parseOpenFiles(TEXT), 1024);
  assert.equal(parseOpenFiles(TEXT.replace("1024 ", "unlimited ")), Number.POSITIVE_INFINITY);
  assert.equal(parseOpenFiles(""), Number.POSITIVE_INFINITY);
});

test("descriptors are kept back from connections, and some connections are taken however few there are", () => {
  assert.equal(connectionsThatFit(1024, 20_000), 768);
  assert.equal(connectionsThatFit(200, 20_000), 64);
  assert.equal(connectionsThatFit(1_000_000, 20_000), 20_000);
  assert.equal(connectionsThatFit(Number.POSITIVE_INFINITY, 20_000), 20_000);
  assert.equal(connectionsThatFit(200, 5), 5);
});

test("who can't have the connections that were asked for is told so", () => {
  const limits = { ...LIMITS, connectionMaxCount: 20_000 };
  assert.match(descriptorNotice(limits, 1024)!, /768 connections, not 20000 .* 1024 files.* ulimit -n/);
  assert.equal(descriptorNotice(limits, 20_000), null);
});
