/** Row 12: validators, HEAD and ranges as RFC 9110 has them, for pages and for files. */
import { type Answer, ask, PIP_ACCEPT } from "../ask.ts";
import type { Bench, Row } from "../conformance.ts";
import { heavyWheel } from "../distributions.ts";

/** Fields that HEAD must have like GET (RFC 9110, 9.3.2); those of the moment aside. */
const STEADY_FIELDS = [
  "content-type",
  "content-length",
  "content-encoding",
  "etag",
  "vary",
  "cache-control",
  "accept-ranges",
  "last-modified",
];
const KIB = 1024;

export const HTTP_ROWS: readonly Row[] = [
  {
    id: 12,
    title: "ETag and 304, HEAD like GET, Range with 206 and 416, and If-Range follow RFC 9110",
    needs: [],
    async run(bench) {
      const upstream = await bench.upstream();
      const file = upstream.publish(heavyWheel("http-lib", "1.0", 64 * KIB));
      const mirror = await bench.mirror({ indexUrl: upstream.indexUrl });
      const page = mirror.page("http-lib");
      for (const [what, accept] of [
        ["JSON page", PIP_ACCEPT],
        ["HTML page", "text/html"],
      ] as const) {
        await checkValidators(bench, what, page, { accept });
        await checkHead(bench, what, page, { accept });
        const plain = await ask(page, { headers: { accept, "accept-encoding": "identity" } });
        const coded = await ask(page, { headers: { accept, "accept-encoding": "gzip" } });
        // RFC 9110, 8.8.3.3: two codings of one page may not share a strong validator.
        const isStrong = plain.headers.etag !== undefined && !plain.headers.etag.startsWith("W/");
        const isCoded = coded.headers["content-encoding"] === "gzip";
        bench.check(!(isStrong && isCoded && plain.headers.etag === coded.headers.etag), `${what}: one strong ETag for two codings`);
      }
      const [json, html] = [await ask(page, { headers: { accept: PIP_ACCEPT } }), await ask(page, { headers: { accept: "text/html" } })];
      bench.check(json.headers.etag === undefined || json.headers.etag !== html.headers.etag, "one ETag for JSON and HTML");
      const url = mirror.file("http-lib", file.filename);
      await ask(url);
      await checkValidators(bench, "file", url, {});
      await checkHead(bench, "file", url, {});
      await checkRanges(bench, url, file.bytes);
    },
  },
];

type Fields = Readonly<Record<string, string>>;

async function checkValidators(bench: Bench, what: string, url: string, headers: Fields): Promise<void> {
  const whole = await ask(url, { headers });
  bench.same(whole.status, 200, `${what}: status`);
  const { etag } = whole.headers;
  bench.check(etag !== undefined, `${what}: no ETag`);
  if (etag === undefined) return;
  const opaque = etag.replace(/^W\//, "");
  // RFC 9110, 13.1.2: a weak comparison, a list, and "*".
  for (const noneMatch of [etag, `W/${opaque}`, `"other", ${etag}`, "*"]) {
    const again = await ask(url, { headers: { ...headers, "if-none-match": noneMatch } });
    bench.same([again.status, again.body.length], [304, 0], `${what}: If-None-Match: ${noneMatch}`);
    if (again.status === 304) bench.same(again.headers.etag, etag, `${what}: ETag of a 304`);
  }
  const changed = await ask(url, { headers: { ...headers, "if-none-match": '"other"' } });
  bench.same([changed.status, changed.body.length], [200, whole.body.length], `${what}: If-None-Match with another tag`);
  const head = await ask(url, { method: "HEAD", headers: { ...headers, "if-none-match": etag } });
  bench.same(head.status, 304, `${what}: HEAD with If-None-Match`);
}

async function checkHead(bench: Bench, what: string, url: string, headers: Fields): Promise<void> {
  const [get, head] = [await ask(url, { headers }), await ask(url, { method: "HEAD", headers })];
  bench.same([head.status, head.body.length], [200, 0], `${what}: HEAD`);
  for (const name of STEADY_FIELDS) bench.same(head.headers[name], get.headers[name], `${what}: ${name} of HEAD`);
  bench.same(get.headers["content-length"], String(get.body.length), `${what}: Content-Length`);
}

async function checkRanges(bench: Bench, url: string, bytes: Buffer): Promise<void> {
  const size = bytes.length;
  const whole = await ask(url);
  bench.check(whole.body.equals(bytes), "file: not the index's bytes");
  bench.same(whole.headers["accept-ranges"], "bytes", "file: Accept-Ranges");
  const range = (value: string, more: Fields = {}) => ask(url, { headers: { range: value, ...more } });
  for (const [value, start, end] of [
    ["bytes=0-99", 0, 100],
    ["bytes=100-", 100, size],
    ["bytes=-100", size - 100, size],
    [`bytes=-${size * 2}`, 0, size],
    [`bytes=${size - 1}-${size + 100}`, size - 1, size],
  ] as const) {
    checkPart(bench, value, await range(value), bytes, start, end);
  }
  for (const value of [`bytes=${size}-`, `bytes=${size + 5}-${size + 9}`, "bytes=-0"]) {
    const refused = await range(value);
    bench.same([refused.status, refused.headers["content-range"]], [416, `bytes */${size}`], `file: Range: ${value}`);
  }
  // 14.2: a unit that nobody knows is passed over; what is malformed may be passed over or refused.
  bench.same((await range("lines=1-2")).status, 200, "file: Range: lines=1-2");
  for (const value of ["bytes=9-5", "bytes=x-y", "bytes=5"]) {
    const { status } = await range(value);
    bench.check([200, 400, 416].includes(status), `file: Range: ${value}: status ${status}`);
  }
  const several = await range("bytes=0-0,5-9");
  const isMultipart = several.status === 206 && (several.headers["content-type"] ?? "").startsWith("multipart/byteranges");
  bench.check(isMultipart || (several.status === 200 && several.body.equals(bytes)), `file: two ranges: status ${several.status}`);
  const { etag } = whole.headers;
  if (etag === undefined) return;
  if (!etag.startsWith("W/")) checkPart(bench, "If-Range with the ETag", await range("bytes=0-9", { "if-range": etag }), bytes, 0, 10);
  for (const ifRange of ['"other"', `W/${etag.replace(/^W\//, "")}`, "Thu, 01 Jan 1970 00:00:00 GMT"]) {
    bench.same((await range("bytes=0-9", { "if-range": ifRange })).status, 200, `file: If-Range: ${ifRange}`);
  }
  // 13.2.2: If-None-Match is evaluated first.
  bench.same((await range("bytes=0-9", { "if-none-match": etag })).status, 304, "file: Range with an If-None-Match that matches");
  // 14.2: Range is defined for GET alone.
  const head = await ask(url, { method: "HEAD", headers: { range: "bytes=0-9" } });
  bench.same([head.status, head.headers["content-length"]], [200, String(size)], "file: HEAD with Range");
}

function checkPart(bench: Bench, what: string, { status, headers, body }: Answer, bytes: Buffer, start: number, end: number): void {
  const wanted = [206, `bytes ${start}-${end - 1}/${bytes.length}`, String(end - start)];
  bench.same([status, headers["content-range"], headers["content-length"]], wanted, `file: ${what}`);
  bench.check(body.equals(bytes.subarray(start, end)), `file: ${what}: wrong bytes`);
}
