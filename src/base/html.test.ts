import assert from "node:assert/strict";
import test from "node:test";
import { escapeHtml } from "./html.ts";

test("text can end neither an element nor an attribute", () => {
  assert.equal(escapeHtml("<a b=\"c\" d='e' f=`g`>&amp;"), "&lt;a b=&quot;c&quot; d=&#39;e&#39; f=&#96;g&#96;&gt;&amp;amp;");
  assert.equal(escapeHtml("numpy-2.0 größe"), "numpy-2.0 größe");
});
