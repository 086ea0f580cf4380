import assert from "node:assert/strict";
import { test } from "node:test";
import { Fragment, h, jsx, jsxs, renderToString } from "./jsx.ts";

test("text and attributes are escaped, so that data can't become markup", () => {
  assert.equal(
    renderToString(h("p", { title: `"'<>&` }, `<script>"'&`)),
    `<p title="&quot;&#39;&lt;&gt;&amp;">&lt;script&gt;&quot;&#39;&amp;</p>`,
  );
});

test("void tags have no end, others always do", () => {
  assert.equal(renderToString([h("br", null), h("img", { src: "a" }, "dropped"), h("div", null)]), `<br><img src="a"><div></div>`);
});

test("className is class, htmlFor is for, handlers and functions are dropped, hx- stays", () => {
  const props = {
    className: "a",
    htmlFor: "b",
    onClick: () => {},
    onclick: "alert(1)",
    ONLOAD: "x",
    "hx-on:click": "y",
    "hx-post": "/x",
    "data-n": 0,
    ref: {},
    key: 1,
    render: () => {},
  };
  assert.equal(renderToString(h("a", props)), `<a class="a" for="b" hx-on:click="y" hx-post="/x" data-n="0"></a>`);
});

test("false, null, undefined and true are nothing as children; zero and empty text are themselves", () => {
  assert.equal(renderToString(h("p", null, false, null, undefined, true, 0, "", 1n, [2, [3, null]])), "<p>0123</p>");
});

test("a true attribute is its name alone, a false or missing one is left out", () => {
  assert.equal(
    renderToString(h("input", { disabled: true, checked: false, value: null, name: undefined, max: 0 })),
    `<input disabled max="0">`,
  );
});

test("script and style hold code as it is", () => {
  assert.equal(renderToString(h("script", null, "if (a < b && c) {", ["}"], false)), "<script>if (a < b && c) {}</script>");
  assert.equal(renderToString(h("style", null, "a > b {}")), "<style>a > b {}</style>");
});

test("a style object is written as CSS", () => {
  const style = { fontSize: 12, lineHeight: 1.5, "--own": 3, color: "red", margin: 0, display: null };
  assert.equal(renderToString(h("p", { style })), `<p style="font-size:12px;line-height:1.5;--own:3;color:red;margin:0"></p>`);
  assert.equal(renderToString(h("p", { style: "color: red" })), `<p style="color: red"></p>`);
});

test("components get their properties and children, fragments leave no tag", () => {
  const Card = ({ title, children }: Record<string, unknown>) => h("section", null, h("h2", null, title), children);
  assert.equal(renderToString(h(Card, { title: "T" }, "one", h("b", null, "two"))), "<section><h2>T</h2>one<b>two</b></section>");
  assert.equal(
    renderToString(
      h(
        Fragment,
        null,
        "a",
        h(() => null, null),
        "b",
      ),
    ),
    "ab",
  );
});

test("the automatic runtime renders the same", () => {
  assert.equal(
    renderToString(jsxs("ul", { className: "l", children: [jsx("li", { children: "a" }, "k1"), jsx("li", {})] })),
    `<ul class="l"><li>a</li><li></li></ul>`,
  );
});

test("an element in a template literal is its HTML", () => {
  assert.equal(`${h("b", null, "x")}`, "<b>x</b>");
});

test("names that would end a tag are refused as tags and left out as attributes", () => {
  assert.throws(() => renderToString(h("div><script", null)), /is no tag name/);
  assert.equal(renderToString(h("a", { 'x"><script>': "1", "a b": "2" })), "<a></a>");
  assert.throws(() => h(undefined as unknown as string, null), /neither a tag name/);
});
