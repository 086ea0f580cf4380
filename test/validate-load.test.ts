/** What validate learns by loading a bundle: in the sandbox, without calling a handler. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { checkLoading } from "../src/cli/validate-load.ts";
import { resolveConfig } from "../src/config/parse.ts";
import { getBundle } from "../src/engines/javascript/bundle-cache.ts";
import { bundleSourceOf } from "../src/serve/bundle-source.ts";
import { ANY_ENVIRONMENT, makeDeployment } from "../src/serve/deployment.ts";
import type { FunctionSpec } from "../src/serve/function-spec.ts";

const root = mkdtempSync(join(tmpdir(), "pilotlight-validate-"));
after(() => rmSync(root, { recursive: true, force: true }));

let projectCount = 0;

async function check(files: Readonly<Record<string, string>>) {
  const cwd = join(root, String(++projectCount));
  mkdirSync(cwd);
  for (const [name, code] of Object.entries(files)) writeFileSync(join(cwd, name), code);
  const config = await resolveConfig({ path: cwd, cpuTimeout: "200ms" }, cwd);
  assert.ok(config.ok);
  const { source, dataDir } = config.value;
  const { deployment } = await makeDeployment(config.value, 1, ANY_ENVIRONMENT);
  const specs = deployment.functions.map(async (spec): Promise<FunctionSpec> => {
    const bundle = await getBundle(bundleSourceOf(source, spec), dataDir, "serve");
    return bundle.ok ? { ...spec, bundle: bundle.value } : assert.fail(bundle.failure.message);
  });
  const { failures, warnings } = await checkLoading(await Promise.all(specs), dataDir);
  return { failures: Object.fromEntries([...failures].map(([id, { message }]) => [id, message])), warnings };
}

test("a handler that is none, and a module that throws or does not end, are found without a call", async () => {
  const { failures, warnings } = await check({
    "cron.ts": "export default { scheduled() {} };",
    "good.ts": "export default { fetch() { throw new Error('called'); } };",
    "number.ts": "export default { fetch: 3 };",
    "spins.ts": "for (;;) {}\nexport default () => new Response('');",
    "throws.ts":
      "const settings = null as unknown as { a: { b: string } };\nexport const GET = () => new Response(word);\nconst word = settings.a.b;",
  });
  assert.deepEqual(Object.keys(failures), ["cron", "number", "spins", "throws"]);
  assert.match(failures["cron"]!, /cron .*exports no handler.* \(its default export has scheduled, and no fetch\)/);
  assert.match(failures["number"]!, /^number .*exports no handler/);
  assert.match(failures["throws"]!, /^throws .*: TypeError: Cannot read properties of null[\s\S]*\n> 3 \| const word = settings\.a\.b;\n/);
  assert.deepEqual(warnings, []);
});

test("handlers of events that never come are a warning beside a fetch that does", async () => {
  const { failures, warnings } = await check({
    "a.ts": "class App { fetch() {} async scheduled() {} queue() {} }\nexport default new App();",
  });
  assert.deepEqual(failures, {});
  assert.deepEqual(
    warnings.map(({ code, message }) => [code, message.replace(/^.*\//, "")]),
    [["EVENTS_UNSERVED", "a: scheduled, queue of its default export are never called"]],
  );
});

test("a module that takes its process down fails alone", async () => {
  const bomb = "const all = []; for (;;) all.push(new Array(1e9).fill(0));\nexport default () => new Response('');";
  const { failures } = await check({ "a.ts": "export default () => '';", "b.ts": bomb, "c.ts": "export default { fetch: 1 };" });
  assert.deepEqual(Object.keys(failures).sort(), ["b", "c"]);
});
