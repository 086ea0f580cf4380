import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import type { Worker } from "node:worker_threads";
import type { EchoQuestion } from "../../test/support/echo-thread.ts";
import { ThreadClient, type ThreadOptions } from "./thread-client.ts";

function client(t: TestContext, options: Partial<ThreadOptions> = {}) {
  const lost: string[] = [];
  const thread = new ThreadClient<EchoQuestion, string>({
    program: "../test/support/echo-thread",
    heapMaxMib: 64,
    onLost: (reason) => lost.push(reason),
    ...options,
  });
  t.after(() => thread.close());
  const ask = async (question: EchoQuestion): Promise<string> => {
    const asked = await thread.ask(question);
    return asked.ok ? asked.value : asked.failure.code;
  };
  return { thread, lost, ask };
}

/** Of threads that are started from here on. */
function threadEnds(t: TestContext): readonly Promise<unknown>[] {
  const ends: Promise<unknown>[] = [];
  const count = (worker: Worker) => ends.push(once(worker, "exit"));
  process.on("worker", count);
  t.after(() => process.off("worker", count));
  return ends;
}

class NoThread {
  constructor() {
    throw new Error("EAGAIN");
  }
}

const ECHO: EchoQuestion = { do: "echo", text: "heard" };

test("each question gets its own answer, in whatever order they come", async (t) => {
  const { ask } = client(t);
  const order: string[] = [];
  const noted = async (question: EchoQuestion) => {
    const answer = await ask(question);
    order.push(answer);
    return answer;
  };
  assert.deepEqual(await Promise.all([noted({ do: "hold" }), noted(ECHO), noted({ do: "release" })]), ["released", "heard", "done"]);
  assert.equal(order[0], "heard");
});

test("buffers are given away, not copied", async (t) => {
  const { thread } = client(t);
  const bytes = new Uint8Array(1_000);
  assert.deepEqual(await thread.ask({ do: "size", bytes }, [bytes.buffer]), { ok: true, value: "1000" });
  assert.equal(bytes.length, 0);
});

for (const [end, reason] of [
  ["throw", /a mistake of ours\n +at .*echo-thread/],
  ["exit", /^it ended$/],
] as const) {
  test(`a thread that dies (${end}) fails what it had, with the reason, and the next question starts another`, async (t) => {
    const { thread, lost, ask } = client(t);
    const waiting = thread.ask({ do: "hold" });
    assert.equal(await ask({ do: end }), "THREAD_LOST");
    const asked = await waiting;
    assert.ok(!asked.ok && asked.failure.code === "THREAD_LOST");
    assert.match(asked.failure.reason, reason);
    assert.deepEqual(lost, [asked.failure.reason]);
    assert.equal(await ask(ECHO), "heard");
  });
}

test("deaths in a row are waited out where that is wanted, each a while longer, but not the first", async (t) => {
  let nowMs = 0;
  const { lost, ask } = client(t, { backsOff: true, nowMs: () => nowMs });
  const die = () => ask({ do: "exit" });
  assert.deepEqual(
    [await die(), await die(), await die(), await ask(ECHO)],
    ["THREAD_LOST", "THREAD_LOST", "THREAD_RESTS", "THREAD_RESTS"],
  );
  nowMs = 10_000;
  assert.equal(await ask(ECHO), "heard");
  // It was well for so long that its death is a first one.
  nowMs = 60_000;
  assert.deepEqual([await die(), await ask(ECHO)], ["THREAD_LOST", "heard"]);
  assert.equal(lost.length, 3);
});

test("a thread that the system can't start is told as lost, and the next question tries again", async (t) => {
  const { lost, ask } = client(t);
  const started = t.mock.method(process.getBuiltinModule("node:worker_threads"), "Worker", NoThread as never);
  assert.equal(await ask(ECHO), "THREAD_LOST");
  assert.deepEqual(lost, ["it could not be started: EAGAIN"]);
  started.mock.restore();
  assert.equal(await ask(ECHO), "heard");
});

test("questions beyond the bound are refused at once, and the others are answered", async (t) => {
  const { ask } = client(t, { pendingMax: 3 });
  const answers = await Promise.all(Array.from({ length: 5 }, () => ask(ECHO)));
  assert.deepEqual(answers, ["heard", "heard", "heard", "THREAD_BUSY", "THREAD_BUSY"]);
  assert.equal(await ask(ECHO), "heard");
});

test("a thread that is given up fails what it had at once, though it would never end by itself", async (t) => {
  const { thread, lost, ask } = client(t);
  await ask(ECHO);
  const spinning = thread.ask({ do: "spin" });
  const ended = thread.giveUp("it took too long");
  assert.deepEqual(await spinning, { ok: false, failure: { code: "THREAD_LOST", reason: "it took too long" } });
  assert.equal(await ask(ECHO), "heard");
  await ended;
  // Whoever gave it up knows.
  assert.deepEqual(lost, []);
});

test("a thread that nobody asks for a while ends, and the next question starts another", async (t) => {
  const ends = threadEnds(t);
  const { thread, lost, ask } = client(t, { idleMaxMs: 1 });
  for (let round = 1; round <= 2; round++) {
    assert.equal(await ask(ECHO), "heard");
    assert.equal(ends.length, round);
    // It keeps no process alive; this test's timer does.
    const alive = setTimeout(() => {}, 60_000);
    await ends[round - 1];
    clearTimeout(alive);
    assert.equal(thread.isRunning, false);
  }
  assert.deepEqual(lost, []);
});

test("one that closes itself answers what was asked before, and then nothing is asked any more", async (t) => {
  const { thread, ask } = client(t, { closesItself: true });
  const before = [ask({ do: "hold" }), ask(ECHO), ask({ do: "release" })];
  await thread.close();
  assert.deepEqual(await Promise.all(before), ["released", "heard", "done"]);
  assert.equal(await ask(ECHO), "THREAD_CLOSED");
});

test("any other is ended wherever it is, and what it had is told so", async (t) => {
  const { thread, lost, ask } = client(t);
  await ask(ECHO);
  const spinning = ask({ do: "spin" });
  await thread.close();
  assert.equal(await spinning, "THREAD_CLOSED");
  assert.deepEqual(lost, []);
});
