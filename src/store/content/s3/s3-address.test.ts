import assert from "node:assert/strict";
import { test } from "node:test";
import { assertPlace, describeBucket, type S3Place, s3Url } from "./s3-address.ts";

const place: S3Place = { endpoint: "http://127.0.0.1:7070", region: "eu-west-1", bucket: "wheels", prefix: "", forcePathStyle: true };

test("a key is under the bucket, and under the prefix where there is one", () => {
  assert.equal(s3Url(place, "files/ab/abcd"), "http://127.0.0.1:7070/wheels/files/ab/abcd");
  assert.equal(s3Url({ ...place, prefix: "a/b" }, "files/ab/abcd"), "http://127.0.0.1:7070/wheels/a/b/files/ab/abcd");
  assert.equal(s3Url(place, null), "http://127.0.0.1:7070/wheels");
  assert.equal(s3Url(place, "k", { uploadId: "a b/c+d", uploads: "" }), "http://127.0.0.1:7070/wheels/k?uploadId=a%20b%2Fc%2Bd&uploads=");
});

test("the bucket is part of the host where path style is not asked for, and no endpoint is the provider's of the region", () => {
  assert.equal(s3Url({ ...place, endpoint: "http://s3.example:7070", forcePathStyle: false }, "k"), "http://wheels.s3.example:7070/k");
  const own = { ...place, endpoint: null, forcePathStyle: false };
  assert.equal(s3Url(own, "k"), "https://wheels.s3.eu-west-1.amazonaws.com/k");
  assert.equal(s3Url({ ...own, region: "cn-north-1", forcePathStyle: true }, "k"), "https://s3.cn-north-1.amazonaws.com.cn/wheels/k");
});

test("whatever a prefix holds is escaped so that a signature covers it", () => {
  const url = s3Url({ ...place, prefix: "a+b c/é!*'()?#%2e" }, "k");
  assert.equal(url, "http://127.0.0.1:7070/wheels/a%2Bb%20c/%C3%A9%21%2A%27%28%29%3F%23%252e/k");
  assert.equal(new URL(url).href, url, "an URL parser changes nothing about it");
});

test("settings that no address can be made of are a mistake of ours by now, told without the secret in them", () => {
  assertPlace(place);
  assertPlace({ ...place, endpoint: null });
  const wrong = [
    ...["..", "a/../b", "a//b", ".", "/a"].map((prefix) => ({ ...place, prefix })),
    ...["", "..", "a/b", "a b"].map((bucket) => ({ ...place, bucket })),
    ...["s3.example", "ftp://s3.example", "https://s3.example/path", "https://s3.example?x", "https://user:secret@s3.example"].map(
      (endpoint) => ({ ...place, endpoint }),
    ),
  ];
  for (const it of wrong) {
    const isTold = (error: Error): boolean => error.name === "AssertionError" && !error.message.includes("secret");
    assert.throws(() => assertPlace(it), isTold, JSON.stringify(it));
  }
});

test("a bucket is described by its name and its host", () => {
  assert.equal(describeBucket(place), 'the bucket "wheels" at 127.0.0.1:7070');
});
