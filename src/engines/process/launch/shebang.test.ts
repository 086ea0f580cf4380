import assert from "node:assert/strict";
import { test } from "node:test";
import { readShebang } from "./shebang.ts";

test("a first line is read as the kernel reads it, and env's argument as env does", () => {
  const cases: [string, string, string | null][] = [
    ["#!/bin/sh\n", "/bin/sh", null],
    ["#! /usr/bin/python3 -u\nprint()", "/usr/bin/python3", null],
    ["#!/usr/bin/env ruby\n", "/usr/bin/env", "ruby"],
    ["#!/usr/bin/env\tnode", "/usr/bin/env", "node"],
    ["#!/usr/bin/env -S FOO=1 -i node --flag\n", "/usr/bin/env", "node"],
    ["#!/usr/bin/env -Snode --flag\n", "/usr/bin/env", "node"],
    ["#!/usr/bin/env -u HOME perl\n", "/usr/bin/env", "perl"],
    ["#!\n", "", null],
  ];
  for (const [text, interpreter, searched] of cases) {
    const shebang = readShebang(Buffer.from(text));
    assert.equal(shebang?.interpreter, interpreter, text);
    if (searched !== null) assert.equal(shebang?.searched, searched, text);
  }
  assert.equal(readShebang(Buffer.from("print()")), null);
  assert.equal(readShebang(Buffer.from("#!/bin/sh\r\necho"))?.endsWithCarriageReturn, true);
  assert.equal(readShebang(Buffer.from("#!/bin/sh\necho\r\n"))?.endsWithCarriageReturn, false);
});
