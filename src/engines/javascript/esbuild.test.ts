import assert from "node:assert/strict";
import { test } from "node:test";
import { withEsbuild } from "./esbuild.ts";

test("ending a build that hangs lets the builds beside it begin anew", async () => {
  const stop = new AbortController();
  const never = new Promise<never>(() => {});
  const hanging = withEsbuild(() => never, stop.signal);
  const began = Promise.withResolvers<void>();
  let attempts = 0;
  const beside = withEsbuild(async (esbuild) => {
    if (++attempts > 1) return (await esbuild.transform("let a = 1")).code;
    const plugin = { name: "hangs", setup: ({ onResolve }: import("esbuild").PluginBuild) => onResolve({ filter: /x/ }, wait) };
    const wait = () => {
      began.resolve();
      return never;
    };
    await esbuild.build({ stdin: { contents: 'import "x"' }, bundle: true, write: false, plugins: [plugin] });
    return "";
  });
  await began.promise;
  stop.abort(new Error("given up"));
  await assert.rejects(hanging, /given up/);
  assert.equal(await beside, "let a = 1;\n");
  await assert.rejects(
    withEsbuild(() => never, stop.signal),
    /given up/,
  );
});
