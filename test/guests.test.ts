/**
 * The guests of the tests, held against another implementation of WASI
 * (node:wasi; our own sources only): what they say must be true before they are
 * used to judge ours. The prober of left-over state has to find it where nobody
 * puts anything back, or its silence elsewhere would prove nothing.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileOf, guest, type Language, skipReason } from "./support/guests.ts";

const outer = mkdtempSync(join(tmpdir(), "pilotlight-guest-test-"));
/** What the guests get. There is something around it for the one that breaks out. */
const folder = join(outer, "inner");
mkdirSync(folder);
process.once("exit", () => rmSync(outer, { recursive: true, force: true }));

const RUNNER = `
  import { WASI } from "node:wasi";
  import { readFileSync } from "node:fs";
  const [file, folder, args, env] = process.argv.slice(1);
  const wasi = new WASI({ version: "preview1", args: ["guest", ...JSON.parse(args)], env: JSON.parse(env), preopens: { "/": folder }, returnOnExit: true });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), wasi.getImportObject());
  process.exitCode = wasi.start(instance);
`;

interface Run {
  readonly input?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

function run(file: string, { input = "", args = [], env = {} }: Run = {}): { stdout: string; stderr: string; status: number | null } {
  const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", RUNNER];
  const given = [file, folder, JSON.stringify(args), JSON.stringify(env)];
  return spawnSync(process.execPath, [...flags, ...given], { input, encoding: "utf8", timeout: 30_000 });
}

const gojinn = (body: string): string => JSON.stringify({ method: "POST", uri: "/order?a=b", headers: { "X-Probe": ["grün"] }, body });

for (const language of ["c", "rust", "go", "assemblyscript"] as const satisfies Language[]) {
  const [order, echo, cgi, command, state] = await Promise.all(
    ["order", "echo", "cgi", "command", "state"].map((name) => guest(language, name)),
  );

  describe(`guests in ${language}`, { skip: skipReason(order!) }, () => {
    test("price an order with its tax, and refuse what is no order", () => {
      const answer = JSON.parse(run(fileOf(order!), { input: gojinn('{"id":"a\\"é","value":100}') }).stdout);
      assert.equal(answer.status, 200);
      assert.deepEqual(JSON.parse(answer.body), { order_id: 'a"é', total_final: 115, engine: language });
      for (const body of ["", "{}", '{"id":"1"}', '{"id":1,"value":1}', '{"id":"1","value":"1"}', '{"id":"1","value":', "[[["])
        assert.equal(JSON.parse(run(fileOf(order!), { input: gojinn(body) }).stdout).status, 400, body);
    });

    test("echo a request, text and binary", () => {
      const answer = JSON.parse(run(fileOf(echo!), { input: gojinn('q"\\\n\u0001é😀') }).stdout);
      assert.equal(answer.body, 'q"\\\n\u0001é😀');
      assert.deepEqual(
        [answer.headers["x-method"], answer.headers["x-target"], answer.headers["x-echo"]],
        [["POST"], ["/order?a=b"], ["grün"]],
      );
      const binary = JSON.stringify({ method: "PUT", uri: "/", headers: {}, body: "", body_base64: "AAEC/w==" });
      assert.equal(JSON.parse(run(fileOf(echo!), { input: binary }).stdout).body_base64, "AAEC/w==");
    });

    test("answer as CGI programs do", () => {
      const { stdout } = run(fileOf(cgi!), { input: "body", env: { REQUEST_METHOD: "PUT", PATH_INFO: "/status/418" } });
      assert.match(stdout, /^Status: 418\r\nContent-Type: text\/plain; charset=utf-8\r\nX-Method: PUT\r\n\r\n/);
      assert.match(stdout, /\nPATH_INFO=\/status\/418\n(?:.*\n)*\nbody$/);
    });

    test("filter their input as commands", () => {
      assert.equal(run(fileOf(command!), { input: "loud", args: ["one", "two"] }).stdout, "one\ntwo\nLOUD");
    });

    test("probe for left-over state, and find what they have left themselves", () => {
      const fresh = run(fileOf(state!)).stdout;
      assert.match(fresh, /^initialised 7$/m);
      assert.equal(run(fileOf(state!)).stdout.replace(/^file .*$/m, ""), fresh.replace(/^file .*$/m, ""));
      const twice = run(fileOf(state!), { args: ["--twice"] }).stdout;
      const second = twice.slice(twice.lastIndexOf("initialised "));
      const found = second.split("\n");
      const changed = fresh.split("\n").filter((line, at) => !line.startsWith("file") && line !== found[at]);
      assert.ok(changed.length >= 5, `only these tell: ${changed.join(", ")}`);
    });
  });
}

const trap = await guest("c", "trap");
test("a guest in C traps in every way that it is asked for", { skip: skipReason(trap) }, () => {
  const messages = {
    unreachable: /unreachable/,
    divide: /divide by zero/,
    overflow: /divide result unrepresentable/,
    bounds: /out of bounds/,
    indirect: /signature mismatch/,
    convert: /float unrepresentable/,
    abort: /boom\n(?:.*\n)*.*unreachable/,
  };
  for (const [kind, message] of Object.entries(messages)) assert.match(run(fileOf(trap), { args: [kind] }).stderr, message);
});

const outside = await guest("c", "attacks/write-outside");
test("the guest that tries to write outside of its folder knows ways that a careless host leaves open", {
  skip: skipReason(outside),
}, () => {
  assert.doesNotMatch(run(fileOf(outside)).stdout, /^ways out: 0$/m);
});
