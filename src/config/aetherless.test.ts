import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { GIB, MIB } from "../base/units.ts";
import { isAetherless, readAetherless } from "./aetherless.ts";
import { parseYaml } from "./yaml.ts";

const folder = mkdtempSync(join(tmpdir(), "pilotlight-aetherless-"));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "bin"));
writeFileSync(join(folder, "bin/hello"), "");
writeFileSync(join(folder, "bin/hello.py"), "");

const HELLO = `
  - id: hello-world
    memory_limit_mb: 128
    trigger_port: 8080
    handler_path: bin/hello`;

function read(text: string) {
  const tree = parseYaml(text, join(folder, "aetherless.yaml"));
  if (!tree.ok) return assert.fail(tree.failure[0]!.message);
  assert.ok(isAetherless(tree.value.root));
  return readAetherless(tree.value, "/");
}

function complaints(text: string): string[] {
  return read(text).failures.map(({ message, at }) => `${at?.line}: ${message}`);
}

test("every field becomes what it means here", () => {
  const { functions, failures, isList } = read(`
orchestrator:
  shm_buffer_size: 5000000
  warm_pool_size: 3
  restore_timeout_ms: 20
  snapshot_dir: /dev/shm/images
functions:${HELLO}
    timeout_ms: 5000
    environment:
      DEBUG: "true"
`);
  assert.deepEqual([failures, isList], [[], true]);
  assert.deepEqual(functions["hello-world"], {
    source: join(folder, "bin/hello"),
    engine: "process",
    port: 8080,
    memoryMaxBytes: 128 * MIB,
    timeoutMs: 5_000,
    env: { DEBUG: "true" },
    process: { instanceMin: 1, instanceMax: 3, ringBytes: 8 * MIB, snapshotDir: "/dev/shm/images", restoreTimeoutMs: 20 },
  });
});

test("what is left out has Aetherless' own defaults", () => {
  const { functions } = read(`functions:${HELLO}`);
  const { process, timeoutMs, env } = functions["hello-world"]!;
  assert.deepEqual([timeoutMs, env], [30_000, {}]);
  assert.deepEqual(process, {
    instanceMin: 1,
    instanceMax: 10,
    ringBytes: 4 * MIB,
    snapshotDir: "/dev/shm/aetherless",
    restoreTimeoutMs: 15,
  });
});

test("a handler is looked for from the file's folder and from where the command is typed; a Python one needs no first line", () => {
  const named = (path: string) => read(`functions:${HELLO.replace("bin/hello", path)}`);
  const absolute = named(join(folder, "bin/hello.py").slice(1));
  assert.equal(absolute.functions["hello-world"]?.source, join(folder, "bin/hello.py"));
  assert.deepEqual(absolute.functions["hello-world"]?.process?.command, ["python3", "{file}"]);
  assert.match(named("bin/gone").failures[0]!.message, /^functions\[0\]\.handler_path "bin\/gone" is not there$/);
});

test("values at the bounds are taken, and those behind them refused with the bounds", () => {
  const orchestrator = (line: string): string[] => complaints(`orchestrator:\n  ${line}\nfunctions:${HELLO}`);
  for (const good of [
    "shm_buffer_size: 65536",
    `shm_buffer_size: ${GIB}`,
    "warm_pool_size: 1",
    "warm_pool_size: 1000",
    "restore_timeout_ms: 0",
  ])
    assert.deepEqual(orchestrator(good), [], good);
  assert.match(orchestrator("shm_buffer_size: 65535")[0]!, /^2: orchestrator\.shm_buffer_size 65535 .* use 65536 to 1073741824$/);
  assert.match(orchestrator("warm_pool_size: 0")[0]!, /use 1 to 1000$/);
  assert.match(orchestrator("restore_timeout_ms: 101")[0]!, /use 0 to 100$/);
  const own = (from: string, to: string): string[] => complaints(`functions:${HELLO.replace(from, to)}`);
  assert.match(own("id: hello-world", "id: hello world")[0]!, /^2: functions\[0\]\.id "hello world" is not an id/);
  assert.match(own("memory_limit_mb: 128", "memory_limit_mb: 16385")[0]!, /use 1 to 16384$/);
  assert.match(own("trigger_port: 8080", "trigger_port: 0")[0]!, /is not a port: use 1 to 65535$/);
  assert.match(complaints(`functions:${HELLO}\n    timeout_ms: 900001`)[0]!, /use 1 to 900000$/);
});

test("unknown keys, missing ones, doubles and an empty list are named where they stand", () => {
  assert.deepEqual(
    complaints(`functions:${HELLO}\n    memory: 1\nebpf: {}`),
    ['6: Unknown key "functions[0].memory"', '7: Unknown key "ebpf"'].toReversed(),
  );
  assert.match(complaints(`functions:\n  - id: a`)[0]!, /functions\[0\] has no memory_limit_mb$/);
  assert.deepEqual(
    complaints(`functions:${HELLO}${HELLO}`).map((line) => line.replace(/^\d+: /, "")),
    ['functions[1].id "hello-world" is there twice', "functions[1].trigger_port 8080 is that of hello-world too"],
  );
  assert.match(complaints("orchestrator: {}\nfunctions: []")[0]!, /functions lists no function$/);
});

test("a pilotlight.yaml is not taken for one", () => {
  for (const text of ["port: 1", "functions: { a: { memory: 8m } }", "[]", ""]) {
    const tree = parseYaml(text, "/srv/pilotlight.yaml");
    assert.ok(tree.ok && !isAetherless(tree.value.root), text);
  }
});
