import assert from "node:assert/strict";
import { test } from "node:test";
import type { S3Storage } from "./s3-address.ts";
import { answered, explain, unanswered } from "./s3-failure.ts";

const storage: S3Storage = {
  kind: "s3",
  endpoint: "http://127.0.0.1:7070",
  region: "us-east-1",
  bucket: "wheels",
  prefix: "",
  accessKeyId: "AKIAEXAMPLE",
  secretAccessKey: "very-secret",
  sessionToken: "a-session",
  forcePathStyle: true,
  partBytes: 10_485_760,
  connectionsMax: 10,
};

test("a refusal names the action, the bucket, what the service said and what to do, and no credential", () => {
  const failure = answered(403, { code: "InvalidAccessKeyId", message: "AKIAEXAMPLE with very-secret in a-session is unknown" });
  assert.deepEqual(explain("put a file", failure, storage), {
    code: "STORAGE_FAILED",
    message:
      'Cannot put a file in the bucket "wheels" at 127.0.0.1:7070: 403 InvalidAccessKeyId ([redacted] with [redacted] in [redacted] is unknown). Check the access key and its secret',
  });
});

test("what passes by itself is told from what does not", () => {
  const passing = [answered(503, null), answered(500, null), answered(429, null), answered(400, { code: "RequestTimeout", message: "" })];
  for (const failure of passing) assert.equal(failure.mayPass, true, failure.code);
  const lasting = [answered(403, null), answered(404, { code: "NoSuchBucket", message: "" }), answered(501, null), answered(301, null)];
  for (const failure of lasting) assert.equal(failure.mayPass, false, failure.code);
  assert.equal(unanswered(Object.assign(new Error("x"), { code: "ECONNREFUSED" })).mayPass, true);
  assert.equal(unanswered(Object.assign(new Error("x"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" })).mayPass, false);
});

test("busy, full and failed are told apart", () => {
  const codeOf = (failure: ReturnType<typeof answered>): string => explain("put a file", failure, storage).code;
  assert.equal(codeOf(answered(503, { code: "SlowDown", message: "" })), "BUSY");
  assert.equal(codeOf(answered(507, null)), "STORAGE_FULL");
  assert.equal(codeOf(answered(403, { code: "QuotaExceeded", message: "" })), "STORAGE_FULL");
  assert.equal(codeOf(answered(403, null)), "STORAGE_FAILED");
  assert.equal(codeOf(unanswered(new Error("x"))), "STORAGE_FAILED");
});

test("an answer without a document is known by its status", () => {
  assert.match(explain("look for a file", answered(403, null), storage).message, /: 403 AccessDenied\. Allow s3:GetObject/);
  assert.match(explain("look for a file", answered(502, null), storage).message, /: 502\. Try again later$/);
});
