import assert from "node:assert/strict";
import { test } from "node:test";
import { completionOf, errorIn, uploadIdIn } from "./s3-xml.ts";

test("an error's code and message are read, its entities with it", () => {
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchBucket</Code><Message>It &quot;isn&#39;t&#x21;&quot; &amp;lt;</Message></Error>`;
  assert.deepEqual(errorIn(xml), { code: "NoSuchBucket", message: `It "isn't!" &lt;` });
  assert.deepEqual(errorIn('<Error xmlns="http://x"><Code> SlowDown </Code></Error>'), { code: "SlowDown", message: "" });
});

test("what is no error is none, however it looks", () => {
  for (const xml of ["", "<html><body>502</body></html>", "<Error></Error>", "<Code>X</Code>", "<Errors><Code>X</Code>", "&#x110000;"]) {
    assert.equal(errorIn(xml), null, xml);
  }
});

test("entities that name no character stay as they are", () => {
  assert.equal(errorIn("<Error><Code>a&#x110000;&bogus;b</Code></Error>")?.code, "a&#x110000;&bogus;b");
});

test("the id of an upload is read, and an empty one is none", () => {
  const xml = "<InitiateMultipartUploadResult><Bucket>b</Bucket><UploadId>a&amp;b</UploadId></InitiateMultipartUploadResult>";
  assert.equal(uploadIdIn(xml), "a&b");
  assert.equal(uploadIdIn("<UploadId></UploadId>"), null);
  assert.equal(uploadIdIn("<html>"), null);
});

test("the list of parts keeps the quotes of their tags", () => {
  const xml = completionOf([
    { number: 1, etag: '"a"' },
    { number: 2, etag: "<&" },
  ]);
  assert.match(xml, /<Part><PartNumber>1<\/PartNumber><ETag>&#34;a&#34;<\/ETag><\/Part>/);
  assert.match(xml, /<Part><PartNumber>2<\/PartNumber><ETag>&#60;&#38;<\/ETag><\/Part>/);
});
