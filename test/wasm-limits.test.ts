/**
 * Attacks from inside a WebAssembly function, and waiting. Each attack must end
 * with an answer and a reason, in a worker that lives on, and everybody else must
 * be answered meanwhile. Limits are low here so that the suite is quick.
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { eventually } from "./support/fake-fleet.ts";
import { fileOf, type Guest, guest, type Language, skipReason } from "./support/guests.ts";
import type { TestServer } from "./support/server.ts";
import { startWasmServer } from "./support/wasm-server.ts";

const CPU_TIMEOUT = "300ms";
const MEMORY_MIB = 16;
const PAGE_BYTES = 65_536;
/** Two of them pass the limit. */
const HOARD_MIB = 10;
const OUTPUT_MAX_BYTES = 100_000;

/** Whether one comes while others sleep is for a busy machine to say: they sleep longer each time. */
async function untilTogether(holds: (sleepMs: number) => Promise<boolean>): Promise<void> {
  for (let sleepMs = 200; sleepMs < 10_000; sleepMs *= 3) if (await holds(sleepMs)) return;
  assert.fail("never, however long they slept");
}

/** Function id: its guest, what its caller is told, what the log says. */
const ATTACKS: Readonly<Record<string, { guest: readonly [Language, string]; code: string; logged: RegExp }>> = {
  "endless-loop": { guest: ["c", "attacks/endless-loop"], code: "CPU_LIMIT_EXCEEDED", logged: /more than 300 ms of CPU time/ },
  "endless-constructor": { guest: ["c", "attacks/endless-start"], code: "CPU_LIMIT_EXCEEDED", logged: /more than 300 ms of CPU time/ },
  "endless-start": { guest: ["wat", "start-loop"], code: "CPU_LIMIT_EXCEEDED", logged: /more than 300 ms of CPU time/ },
  "clock-flood": { guest: ["wat", "clock-flood"], code: "CPU_LIMIT_EXCEEDED", logged: /more than 300 ms of CPU time/ },
  "open-flood": { guest: ["wat", "open-flood"], code: "CPU_LIMIT_EXCEEDED", logged: /more than 300 ms of CPU time/ },
  "host-log-flood": { guest: ["wat", "host-log-flood"], code: "CPU_LIMIT_EXCEEDED", logged: /more than 300 ms of CPU time/ },
  "log-flood": { guest: ["c", "attacks/log-flood"], code: "CPU_LIMIT_EXCEEDED", logged: /more than 300 ms of CPU time/ },
  "malloc-bomb": { guest: ["c", "attacks/malloc-bomb"], code: "GUEST_TRAPPED", logged: /^malloc-bomb trapped: unreachable$/ },
  recursion: { guest: ["c", "attacks/recursion"], code: "GUEST_TRAPPED", logged: /^recursion trapped: call stack exhausted$/ },
  "stack-overflow": { guest: ["c", "attacks/stack-overflow"], code: "GUEST_TRAPPED", logged: /: out of bounds memory access$/ },
  "output-flood": { guest: ["c", "attacks/output-flood"], code: "OUTPUT_TOO_LARGE", logged: /wrote more than 5m to standard output/ },
  "table-bomb": { guest: ["wat", "table-bomb"], code: "GUEST_TRAPPED|CPU_LIMIT_EXCEEDED", logged: /trapped|CPU time/ },
  "huge-memory": { guest: ["wat", "huge-memory"], code: "LOAD_FAILED", logged: /begins with 4 GiB of memory .*, and its limit is 16 MiB/ },
};

const guests: Readonly<Record<string, Guest>> = Object.fromEntries(
  await Promise.all(
    Object.entries({
      ...Object.fromEntries(Object.entries(ATTACKS).map(([id, attack]) => [id, attack.guest])),
      order: ["c", "order"] as const,
      sleep: ["c", "sleep"] as const,
      "long-sleep": ["c", "sleep"] as const,
      cat: ["c", "cat"] as const,
      "grow-bomb": ["c", "attacks/grow-bomb"] as const,
      hoard: ["c", "attacks/hoard-waiting"] as const,
      spinner: ["c", "attacks/hoard-waiting"] as const,
      "second-memory": ["wat", "second-memory"] as const,
    }).map(async ([id, [language, name]]) => [id, await guest(language, name)] as const),
  ),
);

describe("limits", { skip: skipReason(guests["order"]!) }, () => {
  let server: TestServer;
  let workerPid: number | null;
  before(async () => {
    server = await startWasmServer(Object.fromEntries(Object.entries(guests).map(([id, module]) => [id, fileOf(module)])), {
      cpuTimeout: CPU_TIMEOUT,
      memory: `${MEMORY_MIB}m`,
      functions: {
        "open-flood": { allow: { dir: [`${import.meta.dirname}/guests/c::/`] } },
        cat: { contract: "command", output: OUTPUT_MAX_BYTES },
        sleep: { timeout: "3s" },
        "long-sleep": { timeout: "1m" },
        spinner: { timeout: "150ms" },
      },
    });
    workerPid = await server.workerOf("order", false);
  });
  after(() => server.stop());

  async function order(): Promise<void> {
    const answer = await server.get("/order", { method: "POST", body: '{"id":"1","value":100}' });
    assert.deepEqual(await answer.json(), { order_id: "1", total_final: 115, engine: "c" });
  }

  function sleep(ms: number, path = "/sleep"): Promise<Response> {
    return server.get(path, { method: "POST", body: String(ms) });
  }

  for (const [id, { code, logged }] of Object.entries(ATTACKS)) {
    test(`${id} ends with ${code.replace("|", " or ")}, twice, while others are answered`, async () => {
      for (let attempt = 0; attempt < 2; attempt++) {
        let isOver = false;
        const attack = server.get(`/${id}`).finally(() => {
          isOver = true;
        });
        do await order();
        while (!isOver);
        const answer = await attack;
        assert.equal(answer.status, 500);
        assert.match(((await answer.json()) as { error: { code: string } }).error.code, new RegExp(`^(?:${code})$`));
        // Now: the flood of the next one would leave no room for it.
        const requestId = answer.headers.get("x-request-id");
        const error = await eventually(`${id} is in the log`, async () => {
          return (await server.logs(id)).find((record) => record["level"] === "error" && record["requestId"] === requestId) ?? null;
        });
        assert.match(String(error["message"]), logged);
      }
      assert.equal(await server.workerOf("order", false), workerPid, "the worker lives on");
    });
  }

  test("what a request logs by host_log ends at 32 KiB, with a line about the rest", async () => {
    const answer = await server.get("/host-log-flood");
    await answer.text();
    const requestId = answer.headers.get("x-request-id");
    const lines = await eventually("its last line is in the log", async () => {
      const own = (await server.logs("host-log-flood")).filter((record) => record["requestId"] === requestId);
      return own.some(({ level }) => level === "error") ? own.map(({ message }) => String(message)) : null;
    });
    const said = lines.filter((line) => /^a+$/.test(line));
    assert.deepEqual([said.length, said.join("\n").length], [33, 32 * 1024]);
    assert.equal(lines.filter((line) => /^host_log: \d+ bytes more dropped$/.test(line)).length, 1);
  });

  test("memory grows to the limit, to the page, and every request begins without what the last one had", async () => {
    for (let request = 0; request < 3; request++)
      assert.equal(await (await server.get("/grow-bomb")).text(), `pages ${(MEMORY_MIB * 1024 * 1024) / PAGE_BYTES}\n`);
  });

  test("output as long as its limit is answered, a byte more is not", async () => {
    const write = (length: number): Promise<Response> => server.get("/cat", { method: "POST", body: "x".repeat(length) });
    for (const length of [OUTPUT_MAX_BYTES - 1, OUTPUT_MAX_BYTES]) assert.equal((await (await write(length)).text()).length, length);
    const answer = await write(OUTPUT_MAX_BYTES + 1);
    assert.equal(answer.status, 500);
    assert.match(await answer.text(), /"OUTPUT_TOO_LARGE"/);
  });

  test("guests that sleep hold up neither each other nor anybody else", async () => {
    await untilTogether(async (longMs) => {
      let awakeCount = 0;
      const sleepers = Array.from({ length: 3 }, async () => {
        assert.equal(await (await sleep(longMs, "/long-sleep")).text(), `slept ${longMs}\n`);
        awakeCount++;
      });
      for (const ms of [2, 1]) assert.equal(await (await sleep(ms, "/long-sleep")).text(), `slept ${ms}\n`);
      await order();
      const sleptOn = awakeCount === 0;
      await Promise.all(sleepers);
      return sleptOn;
    });
  });

  const hoard = (order: string, ms: number): Promise<Response[]> =>
    Promise.all(Array.from({ length: 6 }, () => server.get("/hoard", { method: "POST", body: `${order} ${HOARD_MIB} ${ms}` })));

  test("requests that would hold more than the limit while they wait, wait for each other", async () => {
    await hoard("take", 1);
    for (const answer of await hoard("take", 100)) assert.equal(await answer.text(), "held 1\n");
  });

  test("requests that grow while they wait are ended when they hold twice the limit between them", async () => {
    await untilTogether(async (ms) => {
      const texts = await Promise.all((await hoard("grow", ms)).map((answer) => answer.text()));
      const held = texts.filter((text) => text === "held 1\n").length;
      const ended = texts.filter((text) => text.includes('"MEMORY_LIMIT_EXCEEDED"')).length;
      assert.equal(held + ended, texts.length, texts.join());
      assert.ok(held >= 2, `${held} were answered`);
      return held <= (2 * MEMORY_MIB) / HOARD_MIB;
    });
    await order();
    assert.equal(await server.workerOf("order", false), workerPid, "the worker lives on");
  });

  test("memories that a module does not export count as well", async () => {
    await server.get("/second-memory");
    await untilTogether(async () => {
      const answers = await Promise.all(Array.from({ length: 6 }, () => server.get("/second-memory")));
      const texts = await Promise.all(answers.map((answer) => answer.text()));
      assert.ok(texts.includes("held\n"), texts.join());
      return texts.some((text) => text.includes('"MEMORY_LIMIT_EXCEEDED"'));
    });
  });

  const sleepRequest = (path: string, ms: number): string =>
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${String(ms).length}\r\n\r\n${ms}`;

  test("a client that has ended its own side is answered: it may be waiting", async () => {
    const { hostname, port } = new URL(server.url);
    await sleep(1);
    const waiting = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    waiting.end(sleepRequest("/sleep", 100));
    assert.match(await text(waiting), /^HTTP\/1\.1 200 [\s\S]*slept 100\n$/);
  });

  test("clients whose connections broke take their runs with them", async () => {
    const { hostname, port } = new URL(server.url);
    const inUse = (): Promise<number> => server.metric("pilotlight_pool_in_use", 'function="long-sleep"');
    await sleep(1, "/long-sleep");
    // More than a sandbox lets wait at once: while they do, nobody else of the function comes in.
    const gone = Array.from({ length: 80 }, () => connect({ host: hostname, port: Number(port) }));
    for (const socket of gone) socket.write(sleepRequest("/long-sleep", 50_000));
    await eventually("they sleep, or wait in line", async () => (await inUse()) === gone.length);
    const next = server.get("/long-sleep", { method: "POST", body: "1", signal: AbortSignal.timeout(30_000) });
    await eventually("another waits behind them", async () => (await inUse()) > gone.length);
    for (const socket of gone) socket.resetAndDestroy();
    assert.equal(await (await next).text(), "slept 1\n");
  });

  test("a request whose deadline comes while it computes, after a wait, leaves nothing held behind", async () => {
    const ask = (order: string): Promise<Response> => server.get("/spinner", { method: "POST", body: order });
    // Less than its limit of CPU time, which is that deadline here: passing it would end the sandbox with all it holds.
    for (let attempt = 0; attempt < 3; attempt++) assert.equal((await ask(`spin ${HOARD_MIB} 100`)).status, 504);
    // The last one may still be computing.
    for (let attempt = 0; attempt < 50; attempt++) {
      const answers = await Promise.all([ask(`take ${HOARD_MIB} 1`), ask(`take ${HOARD_MIB} 1`)]);
      if (answers.every(({ status }) => status === 200)) return;
    }
    assert.fail("what was given up still holds its memory");
  });

  test("a guest that sleeps past its deadline is answered 504, and those beside it wake", async () => {
    const [late, inTime] = await Promise.all([sleep(60_000), sleep(50)]);
    assert.equal(late.status, 504);
    assert.equal(await inTime.text(), "slept 50\n");
    assert.equal((await sleep(1)).status, 200);
  });
});
