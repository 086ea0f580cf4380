/** Jobs of WebAssembly functions: run as requests are, and sent through Gojinn's own import. */
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pilotlight } from "./support/cli.ts";
import { eventually } from "./support/fake-fleet.ts";
import { fileOf, guest, skipReason } from "./support/guests.ts";
import { startServer } from "./support/server.ts";

const [sender, receiver, trap] = [await guest("c", "enqueue"), await guest("c", "cgi"), await guest("c", "trap")];

test("a WebAssembly function runs in the background, and host_enqueue calls one by the name of its file", {
  skip: skipReason(sender),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-jobs-wasm-"));
  copyFileSync(fileOf(sender), join(folder, "sender.wasm"));
  copyFileSync(fileOf(receiver), join(folder, "receiver.wasm"));
  const functions = { sender: { contract: "cgi", allow: { queue: ["receiver.wasm"] } }, receiver: { contract: "cgi" } } as const;
  const server = await startServer({}, { path: folder, functions });
  try {
    const queued = await server.get("/receiver", { method: "PUT", body: "put off", headers: { "x-gojinn-async": "true" } });
    const path = queued.headers.get("location")!;
    const called = await eventually("the call has a result", async () => {
      const answer = await server.get(path);
      return answer.status === 202 ? null : answer;
    });
    assert.match(await called.text(), /HTTP_X_PILOTLIGHT_ATTEMPT=1\n\nput off$/);

    assert.equal(await (await server.get("/sender?receiver.wasm", { method: "POST", body: '{"n":1}' })).text(), "0");
    assert.notEqual(await (await server.get("/sender?other", { method: "POST", body: '{"n":1}' })).text(), "0");
    interface Listed {
      readonly jobs: readonly { readonly id: string; readonly topic: string | null; readonly state: string }[];
    }
    const message = await eventually("the message was delivered", async () => {
      const { jobs } = (await (await fetch(new URL("/v1/jobs?topic=receiver.wasm", server.adminUrl))).json()) as Listed;
      return jobs.length === 1 && jobs[0]!.state === "done" ? jobs[0]! : null;
    });
    const result = await (await server.get(`/_jobs/${message.id}`)).text();
    assert.match(result, /REQUEST_METHOD=POST\n/);
    assert.match(result, /HTTP_X_PILOTLIGHT_FROM=sender\n[\s\S]*\n\{"n":1\}$/);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

for (const isolation of ["request", "process"] as const) {
  test(`a dead job of a function that trapped tells the trap, and where (isolation: ${isolation})`, {
    skip: skipReason(trap),
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "pilotlight-jobs-trap-"));
    copyFileSync(fileOf(trap), join(folder, "trap.wasm"));
    const functions = { trap: { contract: "command", isolation } } as const;
    const server = await startServer({}, { path: folder, jobs: { attempts: 1 }, functions });
    try {
      const queued = await server.get("/trap", { method: "POST", body: "divide", headers: { prefer: "respond-async" } });
      const id = queued.headers.get("x-gojinn-job-id")!;
      const result = await eventually("the job is dead", async () => {
        const answer = await server.get(`/_jobs/${id}`);
        return answer.status === 202 ? null : answer;
      });
      assert.doesNotMatch(await result.text(), /divide by zero/, "its client is not told");
      const shown = await pilotlight(["jobs", "show", id, "--admin", new URL(server.adminUrl).host], { cwd: folder });
      assert.match(shown.stdout, /^Last error: trap trapped: integer divide by zero\n {4}at innermost \(.*\n {4}at middle /m);
      const listed = await pilotlight(["jobs", "list", "--admin", new URL(server.adminUrl).host], { cwd: folder });
      assert.match(listed.stdout, /dead .* trap trapped: integer divide by zero at innermost/);
      const dead = await eventually("it is in the log", async () => {
        return (await server.logs("trap")).find(({ code }) => code === "JOB_DEAD") ?? null;
      });
      assert.equal(dead["message"], "A job is dead: trap trapped: integer divide by zero");
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
