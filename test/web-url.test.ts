/**
 * URL and URLSearchParams of the sandbox against Node's, over generated input:
 * the short way inside the guest and the host's parser must be indistinguishable.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "./support/properties.ts";
import { openWebSandbox, type WebSandbox } from "./support/web-sandbox.ts";

const RUN_COUNT = 6_000;
const COMPONENTS = "href,origin,protocol,username,password,host,hostname,port,pathname,search,hash".split(",");
const SETTABLE = "href,protocol,username,password,host,hostname,port,pathname,search,hash".split(",");

/** Runs on both sides: evaluated here, and sent to the sandbox as source. */
function describeUrl(input: string, base: string | undefined, components: string[]): unknown {
  try {
    const url = new URL(input, base) as unknown as Record<string, string> & { searchParams: Iterable<[string, string]> };
    return [...components.map((component) => url[component]), [...url.searchParams], `${url}`];
  } catch (error) {
    return (error as Error).name;
  }
}

function assignUrl(input: string, component: string, value: string, components: string[]): unknown {
  try {
    const url = new URL(input) as unknown as Record<string, string> & { searchParams: Iterable<[string, string]> };
    const params = url.searchParams;
    try {
      url[component] = value;
    } catch (error) {
      return (error as Error).name;
    }
    return [...components.map((name) => url[name]), [...params]];
  } catch (error) {
    return (error as Error).name;
  }
}

type Step = readonly ["append" | "set" | "delete" | "sort", string, string];

function changeParams(input: string, steps: readonly Step[]): unknown {
  const url = new URL(input);
  for (const [method, name, value] of steps) {
    if (method === "sort") url.searchParams.sort();
    else if (method === "delete") url.searchParams.delete(name);
    else url.searchParams[method](name, value);
  }
  return [url.href, url.search, url.searchParams.toString(), url.searchParams.size, steps.map(([, name]) => url.searchParams.getAll(name))];
}

function readParams(init: string): unknown {
  const params = new URLSearchParams(init);
  return [[...params], params.toString()];
}

let sandbox: WebSandbox;
before(async () => {
  sandbox = await openWebSandbox();
  for (const shared of [describeUrl, assignUrl, changeParams, readParams])
    sandbox.evaluate(`globalThis.${shared.name} = ${shared.toString()}`);
});
after(() => sandbox.close());

/** All generated cases cross at once; the first that differs is named. */
async function compare<Case extends unknown[]>(shared: (...args: Case) => unknown, cases: Case[]): Promise<void> {
  const actual = (await sandbox.run(
    `return input.map((args) => ${shared.name}(...args.map((arg) => arg ?? undefined)));`,
    cases,
  )) as unknown[];
  for (const [at, args] of cases.entries()) {
    assert.deepEqual(actual[at], JSON.parse(JSON.stringify(shared(...args))), `${shared.name}(${JSON.stringify(args)})`);
  }
}

const label = fc.stringMatching(/^[a-z0-9-]{1,8}$/);
const host = fc.oneof(
  { weight: 6, arbitrary: fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join(".")) },
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
  fc.constantFrom(
    "localhost",
    "a..b",
    "x.",
    "xn--bcher-kva.test",
    "xn--a",
    "1.2.3",
    "0x7f.1",
    "a.0x",
    "A.Test",
    "bücher.test",
    "a_b.test",
    "1.2.3.04",
    "256.1.1.1",
    "a.1",
    "%61.test",
    "",
    "a b",
    "-",
    "a.-b",
    "ab--c.test",
  ),
);
const port = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  fc.integer({ min: 0, max: 70_000 }).map((n) => `:${n}`),
  fc.constantFrom(":", ":80", ":443", ":080", ":x", ":65536"),
);
const tail = fc.oneof(
  fc.stringMatching(/^[\w\-.~!$&'()*+,;=:@/%?#]{0,24}$/),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom(
    "a/../b",
    "./a",
    "%2e%2E/x",
    "a%2fb",
    "a\\b",
    "a//b",
    "|^`{}",
    "é?ü#ö",
    "?a=1&b=2#c",
    "?",
    "#",
    "?#",
    "a/.",
    "..",
    ".a/..b",
    "a;b",
    "%zz",
    "\t/a\n",
  ),
);
const scheme = fc.constantFrom(
  "http:",
  "https:",
  "http:",
  "https:",
  "HTTP:",
  "ftp:",
  "file:",
  "ws:",
  "blob:https:",
  "data:",
  "mailto:",
  "javascript:",
  "x-y:",
  "non-special:",
  "",
);
const url = fc
  .tuple(
    scheme,
    fc.constantFrom("//", "//", "//", "//", "/", "", "///"),
    fc.constantFrom("", "", "", "", "u@", "u:p@", ":@", "a:b:c@d@"),
    host,
    port,
    fc.constantFrom("", "/", "/", "/"),
    tail,
  )
  .map((parts) => parts.join(""));
const common = fc.tuple(fc.constantFrom("http://", "https://"), host, port, fc.constantFrom("", "/"), tail).map((parts) => parts.join(""));
const anyUrl = fc.oneof(
  { weight: 3, arbitrary: common },
  { weight: 2, arbitrary: url },
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
);

test("absolute URLs are taken apart as Node does it", async () => {
  const inputs = fc.sample(anyUrl, RUN_COUNT);
  await compare(
    describeUrl,
    inputs.map((input) => [input, undefined, COMPONENTS]),
  );
});

test("relative URLs are resolved as Node does it", async () => {
  const relative = fc.oneof(
    tail,
    tail.map((text) => `/${text}`),
    anyUrl,
    tail.map((text) => `//${text}`),
  );
  const pairs = fc.sample(fc.tuple(relative, anyUrl), RUN_COUNT);
  await compare(
    describeUrl,
    pairs.map(([input, base]) => [input, base, COMPONENTS]),
  );
});

test("assigning a component changes what it changes in Node", async () => {
  const value = fc.oneof(tail, host, port, scheme, anyUrl, fc.constantFrom("8080", "", "a:b", "//x", "?a=b", "#c"));
  const cases = fc.sample(fc.tuple(anyUrl, fc.constantFrom(...SETTABLE), value), RUN_COUNT);
  await compare(
    assignUrl,
    cases.map(([input, component, text]) => [input, component, text, COMPONENTS]),
  );
});

test("searchParams and its URL stay one, whichever changes", async () => {
  const word = fc.oneof(fc.string({ unit: "binary", maxLength: 6 }), fc.constantFrom("a", "b", "a b", "é&=", "+%2B"));
  const step = fc.tuple(fc.constantFrom("append", "set", "delete", "sort"), word, word) as fc.Arbitrary<Step>;
  const start = fc.constantFrom(
    "http://a.test/x",
    "http://a.test/x?a=1&b=2&a=3#f",
    "https://a.test/?",
    "x:/p?q#r",
    "mailto:a  ?q#h",
    "data:text  #h",
    "file:///a?b",
    "http://a.test/?a=%zz&+b=é",
  );
  const cases = fc.sample(fc.tuple(start, fc.array(step, { minLength: 1, maxLength: 5 })), 2_000);
  await compare(changeParams, cases);
});

test("form-urlencoded text is read and written as in Node", async () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.stringMatching(/^[a-c=&+%0-9A-F?]{0,24}$/),
    fc.constantFrom("%ff", "%f0%9f%98", "a=%E9&%EF%BB%BF", "?a", "??a=b", "&&a&=&"),
  );
  await compare(
    readParams,
    fc.sample(text, RUN_COUNT).map((init) => [init]),
  );
});

test("URLSearchParams takes records, pairs and other params, and iterates live", async () => {
  const seen =
    await sandbox.run(`const p = new URLSearchParams({ a: 1, b: "x y" }); const live = []; for (const [name] of p) { live.push(name); if (name === "a") p.append("c", "3"); }
    let refused; try { new URLSearchParams([["a"]]); } catch (error) { refused = error.name; }
    return [String(p), live, String(new URLSearchParams(p)), String(new URLSearchParams([["a", "b"], ["a", "c"]])), p.has("a", "1"), p.has("a", "2"), [...p.keys()], refused, p.get("zz"), Object.prototype.toString.call(p)];`);
  assert.deepEqual(seen, [
    "a=1&b=x+y&c=3",
    ["a", "b", "c"],
    "a=1&b=x+y&c=3",
    "a=b&a=c",
    true,
    false,
    ["a", "b", "c"],
    "TypeError",
    null,
    "[object URLSearchParams]",
  ]);
});

test("URL.parse and URL.canParse answer without throwing, and a bad URL throws TypeError", async () => {
  const seen =
    await sandbox.run(`let thrown; try { new URL("nope"); } catch (error) { thrown = [error instanceof TypeError, error.message, error.code]; }
    return [URL.parse("nope"), URL.parse("/a", "http://b.test").href, URL.canParse("x:"), URL.canParse("/a"), URL.canParse("/a", "nope"), thrown, JSON.stringify({ u: new URL("http://a.test") }), new URL(new URL("http://c.test/x")).href];`);
  assert.deepEqual(seen, [
    null,
    "http://b.test/a",
    true,
    false,
    false,
    [true, "Invalid URL", "ERR_INVALID_URL"],
    '{"u":"http://a.test/"}',
    "http://c.test/x",
  ]);
});

test("URLPattern matches and names groups", async () => {
  const seen = await sandbox.run(`const p = new URLPattern({ pathname: "/users/:id(\\\\d+)/*" });
    return [p.test("http://a.test/users/7/x/y"), p.test("http://a.test/users/x/y"), p.exec("http://a.test/users/7/x/y").pathname.groups, new URLPattern("/a", "http://b.test").hostname];`);
  assert.deepEqual(seen, [true, false, { id: "7", 0: "x/y" }, "b.test"]);
});
