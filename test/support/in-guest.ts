/**
 * Small programs run inside a sandbox, and in Node where it has the same
 * classes. `request`, `env` and `ctx` of one made-up call are in scope there.
 */
import assert from "node:assert/strict";
import type { Engine } from "../../src/engines/engine.ts";
import { fakeCall } from "./fake-exchange.ts";
import { sourceOf } from "./javascript-subject.ts";

/** The value of an async program inside the sandbox; a throw becomes its name. */
export async function inGuest(engine: Engine, program: string): Promise<unknown> {
  const source = await sourceOf(
    `export default async (request, env, ctx) => Response.json({ value: await (async () => { ${program} })().catch((e) => "threw " + e.name) })`,
  );
  const sandbox = await (await engine.prepare(source)).open();
  const { call, answer } = fakeCall({ headers: { "x-one": "1", cookie: "a=1" }, body: "payload", method: "POST", target: "/p?q=1" });
  sandbox.invoke(call);
  const { body, failure } = await answer;
  sandbox.close();
  assert.equal(failure?.message, undefined);
  return (JSON.parse(body.toString()) as { value: unknown }).value;
}

export async function inNode(program: string): Promise<unknown> {
  // isolated-vm settles promises outside Node's callback scope; with the hooks that
  // node:test sets, Node's own Blob then fails an assertion. Leave that turn first.
  await new Promise((resolve) => setImmediate(resolve));
  const run = new Function(`return (async () => { ${program} })().catch((e) => "threw " + e.name)`) as () => Promise<unknown>;
  return JSON.parse(JSON.stringify((await run()) ?? null));
}
