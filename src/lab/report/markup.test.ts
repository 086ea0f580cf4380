import assert from "node:assert/strict";
import { test } from "node:test";
import { html, jsonForScript } from "./markup.ts";

test("what is put into a template is text, in an element and in an attribute", () => {
  const hostile = `"><script>alert('1')</script>&\`onerror=x`;
  const { markup } = html`<a title="${hostile}">${hostile}</a>`;
  assert.doesNotMatch(markup.slice(1, -4), /<script|"><s|'|`/);
  assert.equal(markup.match(/</g)!.length, 2);
  assert.equal(markup.match(/"/g)!.length, 2);
});

test("templates nest, lists are joined and null is nothing", () => {
  const items = ["a<b", "c"].map((text) => html`<li>${text}</li>`);
  assert.equal(html`<ul>${items}${null}${3}</ul>`.markup, "<ul><li>a&lt;b</li><li>c</li>3</ul>");
});

test("control characters and turned text are shown as what they are", () => {
  assert.equal(html`${"a\0\x1b[2J\u202eb\n"}`.markup, "a\\u0000\\u001b[2J\\u202eb\n");
});

test("no value ends the script element it lies in, and it reads back the same", () => {
  const value = { text: "</script><!--<script>\u2028&" };
  const { markup } = jsonForScript(value);
  assert.doesNotMatch(markup, /[<>&\u2028]/);
  assert.deepEqual(JSON.parse(markup), value);
});
