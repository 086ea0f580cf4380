/** The types that authors get from the package: a project of init's with a .tsx function, checked by its own tsconfig. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { declareTypes } from "../scripts/declare-types.ts";
import { projectFiles } from "../src/cli/init-files.ts";

const ROOT = join(import.meta.dirname, "..");
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");
const TSC_MAX_MS = 60_000;

const project = mkdtempSync(join(tmpdir(), "pilotlight-types-"));
after(() => rmSync(project, { recursive: true, force: true }));

function save(path: string, text: string): void {
  mkdirSync(dirname(join(project, path)), { recursive: true });
  writeFileSync(join(project, path), text);
}

function tsc(cwd: string, ...args: string[]): string {
  return spawnSync(process.execPath, [TSC, ...args], { cwd, encoding: "utf8", timeout: TSC_MAX_MS }).stdout;
}

before(() => {
  for (const [path, text] of Object.entries(projectFiles("demo", "*"))) save(path, text);
  // The package as npm would lay it out, as far as a compiler looks.
  const installed = join(project, "node_modules/pilotlight");
  for (const part of ["package.json", "types"]) cpSync(join(ROOT, part), join(installed, part), { recursive: true });
  declareTypes(ROOT, join(installed, "dist"));
});

const PAGE = `import type { Context, Handler } from "pilotlight";

interface RowProps {
  readonly label: string;
  readonly children?: unknown;
}

function Row({ label, children }: RowProps) {
  return <li class="row" hx-get="/x">{label}: {children}</li>;
}

async function wait(context: Context): Promise<void> {
  context.waitUntil(Promise.resolve(context.params["id"]));
}

export const GET: Handler<{ WORD: string }> = async (request, env, context) => {
  await wait(context);
  const rows = ["a", "b"].map((label) => <Row key={label} label={label}>{env.WORD}</Row>);
  return new Response(renderToString(<><ul>{rows}</ul>{process.env["NODE_ENV"]}{request.url}</>));
};
`;

const KEEPING = `import type { Handler } from "pilotlight";

export const POST: Handler<Pilotlight.Capabilities> = async (request, env) => {
  const seen = await env.KV("sessions").get<{ count: number }>("seen", "json");
  await env.KV.put("seen", JSON.stringify({ count: (seen?.count ?? 0) + 1 }), { expirationTtl: 60 });
  const rows = await env.SQL.query<{ id: number }>("SELECT id FROM t WHERE name = ?", [await request.text()]);
  const lease = await env.LOCK.acquire("t", { waitMs: 100 });
  const stored = await env.BLOB.get("a");
  await env.QUEUE.send({ rows }, { delaySeconds: 5 });
  await lease?.release();
  return new Response(stored?.bytes ?? String(rows[0]?.id));
};
`;

test("a function that keeps things passes tsc by the package's types", () => {
  save("functions/keeping.ts", KEEPING);
  assert.equal(tsc(project), "");
});

test("a new project with a .tsx function passes tsc by the package's types", () => {
  save("functions/page.tsx", PAGE);
  assert.equal(tsc(project), "");
});

test("the types see what is wrong with a handler", () => {
  save("functions/page.tsx", PAGE.replace('context.params["id"]', "context.parms").replace("label={label}>", "label={1}>"));
  const output = tsc(project);
  assert.match(output, /page\.tsx\(\d+,\d+\): error TS2551: Property 'parms' does not exist on type 'Context'/);
  assert.match(output, /page\.tsx\(\d+,\d+\): error TS2322: Type 'number' is not assignable to type 'string'/);
});
