import assert from "node:assert/strict";
import { test } from "node:test";
import { describeFlags, type Flag, parseFlags } from "./flags.ts";
import { SERVER_FLAGS } from "./parse.ts";

const FLAGS: readonly Flag[] = [
  { name: "header", value: "LINE", group: "Request", help: "a header", repeatable: true },
  { name: "port", short: "p", value: "PORT", group: "Listening", help: "port", shown: "8080" },
  { name: "quiet", short: "q", group: "Output", help: "less" },
];
const OUT: Flag = { name: "out", short: "o", value: "DIR", group: "Files", help: "a folder" };

test("repeatable flags keep every value in order", () => {
  const { values, failures } = parseFlags(FLAGS, ["--header", "A: 1", "--header=B: -2", "-qp80", "x"], 1);
  assert.deepEqual(failures, []);
  assert.deepEqual([values.get("header"), values.get("port"), values.get("quiet")], [["A: 1", "B: -2"], ["80"], ["true"]]);
});

test("a flag given twice, a switch with a value and a surplus argument are failures", () => {
  const { failures } = parseFlags(FLAGS, ["-p", "1", "-p", "2", "--quiet=no", "one", "two"], 1);
  assert.deepEqual(
    failures.map((failure) => failure.message),
    ["-p is given twice", '--quiet takes no value, but got "no"', 'Unexpected argument "two"'],
  );
});

test("an empty path is a failure, an empty text is not", () => {
  const { values, failures } = parseFlags([...FLAGS, OUT], ["--header", "", "-o", ""], 0);
  assert.deepEqual([values.get("header"), values.get("out")], [[""], undefined]);
  assert.deepEqual(
    failures.map(({ code, message }) => [code, message]),
    [["CONFIG_VALUE_MISSING", "-o is empty"]],
  );
});

test("what stands behind an unknown flag may be its value, and is no failure of its own", () => {
  const told = (args: readonly string[]) => parseFlags(FLAGS, args, 0).failures.map(({ message }) => message);
  assert.deepEqual(told(["--prot", "80", "x"]), ["Unknown flag --prot"]);
  assert.deepEqual(told(["x", "--prot", "80"]), ["Unknown flag --prot", 'Unexpected argument "x"']);
});

test("a single dash stays a value: it is standard input", () => {
  assert.deepEqual(parseFlags(FLAGS, ["--header", "-"], 0).values.get("header"), ["-"]);
});

test("no two flags of the server share a name or a letter", () => {
  const names = SERVER_FLAGS.flatMap((flag) => [flag.name, flag.short ?? []].flat());
  assert.equal(new Set(names).size, names.length);
});

test("help is grouped, aligned and ends with the defaults", () => {
  assert.equal(
    describeFlags(FLAGS),
    [
      "Request:",
      "      --header LINE  a header",
      "",
      "Listening:",
      "  -p, --port PORT    port (default 8080)",
      "",
      "Output:",
      "  -q, --quiet        less",
    ].join("\n"),
  );
});
