import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { negotiateFormat } from "./negotiate.ts";

const V1_JSON = "application/vnd.pypi.simple.v1+json";
const V1_HTML = "application/vnd.pypi.simple.v1+html";

function formatOf(accept: string | undefined, query: string | null = null): string | null {
  return negotiateFormat(accept, query)?.format ?? null;
}

test("pip and uv get JSON", () => {
  const pip = `${V1_JSON}, ${V1_HTML}; q=0.1, text/html; q=0.01`;
  const uv = `${V1_JSON}, ${V1_HTML};q=0.2, text/html;q=0.01`;
  for (const accept of [pip, uv]) assert.deepEqual(negotiateFormat(accept, null), { format: "json", contentType: V1_JSON });
});

test("a client that says nothing or takes anything gets text/html", () => {
  const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
  for (const accept of [undefined, "", " ", ",", "*/*", "*", "*/*;q=0.1", "*; q=.2", browser, "application/json, */*;q=0.1"]) {
    assert.deepEqual(negotiateFormat(accept, null), { format: "text-html", contentType: "text/html; charset=utf-8" }, String(accept));
  }
});

test("the type of the answer is the one asked for, and never latest", () => {
  for (const [accept, format, contentType] of [
    [V1_HTML, "html", V1_HTML],
    ["text/html", "text-html", "text/html; charset=utf-8"],
    ["application/vnd.pypi.simple.latest+json", "json", V1_JSON],
    ["application/vnd.pypi.simple.latest+html", "html", V1_HTML],
    [V1_JSON.toUpperCase(), "json", V1_JSON],
  ] as const) {
    assert.deepEqual(negotiateFormat(accept, null), { format, contentType }, accept);
  }
});

test("the client's weights decide", () => {
  assert.equal(formatOf(`${V1_JSON};q=0.2, ${V1_HTML};q=0.3`), "html");
  assert.equal(formatOf(`text/html, ${V1_JSON};q=0.9`), "text-html");
  assert.equal(formatOf(`${V1_JSON};q=0.001, text/html;q=0.002`), "text-html");
  assert.equal(formatOf(`${V1_JSON};q=0.1, */*;q=0.5`), "text-html");
  assert.equal(formatOf(`text/html;q=0.1, */*;q=0.5`), "html");
});

test("of equal weight the named one is taken, and of those the most expressive", () => {
  assert.equal(formatOf(`text/html, ${V1_HTML}, ${V1_JSON}`), "json");
  assert.equal(formatOf(`text/html, ${V1_HTML}`), "html");
  assert.equal(formatOf(`*/*, ${V1_HTML}`), "html");
  assert.equal(formatOf("application/*"), "json");
  assert.equal(formatOf("text/*"), "text-html");
  assert.equal(formatOf("text/*;q=0.5, application/*;q=0.4"), "text-html");
});

test("a weight of nothing excludes, by the most specific range", () => {
  assert.equal(formatOf("text/html;q=0, */*"), "html");
  assert.equal(formatOf(`text/html;q=0, ${V1_HTML};q=0.0, */*`), "json");
  assert.equal(formatOf("*/*;q=0"), null);
  assert.equal(formatOf("text/html;q=0"), null);
  assert.equal(formatOf("*/*;q=0, text/html"), "text-html");
  assert.equal(formatOf(`application/*;q=0, ${V1_JSON}`), "json");
});

test("nothing acceptable is nothing, and application/json is not one of ours", () => {
  for (const accept of ["application/json", "application/vnd.pypi.simple.v2+json", "image/png", "text/plain, application/xml"]) {
    assert.equal(formatOf(accept), null, accept);
  }
});

test("malformed parameters are tolerated", () => {
  assert.equal(formatOf(`${V1_JSON};q=nonsense`), "json");
  assert.equal(formatOf(`${V1_JSON};q=7, text/html`), "json");
  assert.equal(formatOf(`${V1_JSON};q=-1, text/html;q=0.1`), "text-html");
  assert.equal(formatOf(`${V1_JSON};;=;q;charset=utf-8 , text/html;q=0.1`), "json");
  assert.equal(formatOf("text/html;charset=utf-8;q=0.5"), "text-html");
  assert.equal(formatOf("nonsense"), "text-html");
});

test("the format parameter goes before the header", () => {
  assert.equal(formatOf("text/html", V1_JSON), "json");
  // As form decoding leaves a plus sign.
  assert.equal(formatOf("text/html", "application/vnd.pypi.simple.v1 json"), "json");
  assert.equal(formatOf(V1_JSON, "application/vnd.pypi.simple.latest+html"), "html");
  assert.equal(formatOf(V1_JSON, "text/html"), "text-html");
  assert.equal(formatOf(V1_JSON, ""), "json");
  assert.equal(formatOf(V1_JSON, "*/*"), null);
  assert.equal(formatOf(V1_JSON, "yaml"), null);
});

test("any header has an answer", () => {
  const part = fc.constantFrom("text/html", V1_JSON, V1_HTML, "*/*", "*", "/", ";q=", ";", ",", "0", ".5", "=", '"', "\t", "q");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(part).map((parts) => parts.join("")),
      ),
      (accept) => {
        const answer = negotiateFormat(accept, null);
        assert.ok(answer === null || !answer.contentType.includes("latest"));
      },
    ),
  );
});
