import assert from "node:assert/strict";
import { test } from "node:test";
import type { CodedBytes } from "./coded-bytes.ts";
import { type PageLook, PreparedForms } from "./prepared-forms.ts";

const NEVER = Number.POSITIVE_INFINITY;
const look: PageLook = { identity: "one", revision: 0, nowMs: 1_000, maxAgeMs: 100 };

function coded(text: string, sizeBytes = 10): CodedBytes {
  return { bytes: new Uint8Array(sizeBytes), tag: text };
}

test("a form is believed for its time, and not when the clock was put back", () => {
  const forms = new PreparedForms(1e6);
  forms.put("p", coded("a"), "json", "gzip", look, NEVER);
  assert.equal(forms.current("p", "json", "gzip", 0, 1_000)?.etag, '"a"');
  assert.equal(forms.current("p", "json", "gzip", 0, 1_099)?.etag, '"a"');
  assert.equal(forms.current("p", "json", "gzip", 0, 1_100), null);
  assert.equal(forms.current("p", "json", "gzip", 0, 999), null);
  assert.equal(forms.current("p", "json", "br", 0, 1_000), null);
  assert.equal(forms.current("q", "json", "gzip", 0, 1_000), null);
});

test("whoever has looked renews it, unless the page is another now", () => {
  const forms = new PreparedForms(1e6);
  forms.put("p", coded("a"), "json", "gzip", look, NEVER);
  assert.equal(forms.renewed("p", "json", "gzip", { ...look, nowMs: 2_000 })?.etag, '"a"');
  assert.equal(forms.current("p", "json", "gzip", 0, 2_050)?.etag, '"a"');
  assert.equal(forms.renewed("p", "json", "gzip", { ...look, nowMs: 2_100, identity: "two" }), null);
  assert.equal(forms.count, 0);
});

test("a change in the folder of packages asks for a look at every page", () => {
  const forms = new PreparedForms(1e6);
  forms.put("p", coded("a"), "json", "gzip", look, NEVER);
  assert.equal(forms.current("p", "json", "gzip", 1, 1_000), null);
  assert.equal(forms.renewed("p", "json", "gzip", { ...look, revision: 1 })?.etag, '"a"');
  assert.equal(forms.current("p", "json", "gzip", 1, 1_000)?.etag, '"a"');
});

test("when the policy will show more, the form is over at that moment", () => {
  const forms = new PreparedForms(1e6);
  forms.put("p", coded("a"), "json", "gzip", look, 1_050);
  assert.notEqual(forms.current("p", "json", "gzip", 0, 1_049), null);
  assert.equal(forms.current("p", "json", "gzip", 0, 1_050), null);
  assert.equal(forms.renewed("p", "json", "gzip", { ...look, nowMs: 1_050 }), null);
});

test("an answer that is stale is kept, but not believed", () => {
  const forms = new PreparedForms(1e6);
  forms.put("p", coded("a"), "json", "gzip", { ...look, maxAgeMs: 0 }, NEVER);
  assert.equal(forms.current("p", "json", "gzip", 0, 1_000), null);
  assert.equal(forms.renewed("p", "json", "gzip", { ...look, maxAgeMs: 0 })?.etag, '"a"');
});

test("the two types of HTML share bytes and have tags of their own", () => {
  const forms = new PreparedForms(1e6);
  forms.put("p", coded("a"), "html", "identity", look, NEVER);
  const [html, text] = (["html", "text-html"] as const).map((format) => forms.current("p", format, "identity", 0, 1_000)!);
  assert.equal(html!.bytes, text!.bytes);
  assert.notEqual(html!.etag, text!.etag);
  assert.equal(forms.count, 1);
  assert.equal(
    text!.headerLines,
    `content-type: text/html; charset=utf-8\r\nvary: Accept, Accept-Encoding\r\netag: "a-t"\r\ncache-control: no-cache\r\n`,
  );
});

test("above the bound those go that were not asked for, a form replaced counts once, and the newest stays", () => {
  const forms = new PreparedForms(10_000);
  for (const name of ["a", "b", "c"]) forms.put(name, coded(name, 2_000), "json", "gzip", look, NEVER);
  forms.put("c", coded("c", 2_000), "json", "gzip", look, NEVER);
  assert.equal(forms.count, 3);
  assert.equal(forms.sizeBytes, 3 * 3_024);
  // All were new, so all get another round and the oldest goes.
  forms.put("d", coded("d", 2_000), "json", "gzip", look, NEVER);
  assert.equal(forms.current("a", "json", "gzip", 0, 1_000), null);
  assert.notEqual(forms.current("b", "json", "gzip", 0, 1_000), null);
  forms.put("e", coded("e", 2_000), "json", "gzip", look, NEVER);
  assert.notEqual(forms.current("b", "json", "gzip", 0, 1_000), null);
  assert.equal(forms.current("c", "json", "gzip", 0, 1_000), null);
  forms.put("list", coded("list", 50_000), "json", "gzip", look, NEVER);
  assert.equal(forms.count, 1);
  assert.notEqual(forms.current("list", "json", "gzip", 0, 1_000), null);
});
