/** What the tests of the clients call; the same as handler.py and handler.c. CONCURRENCY and BODY_MAX come from the environment. */
import { setTimeout as sleep } from "node:timers/promises";
import { Answer, serve } from "../../../guest/process/pilotlight.mjs";

function echo(request) {
  const headers = [
    ["x-method", request.method],
    ["x-target", request.target],
    ["x-seen", request.headers.get("X-Sent") ?? ""],
    ["Connection", "close"],
  ];
  return new Answer(request.body, { headers });
}

async function* pieces(request) {
  for (let number = 0; number < Number(request.query.get("n")); number++) {
    if (number === Number(request.query.get("fail") ?? -1)) throw new Error("the stream broke");
    yield `piece ${number};`;
  }
}

async function patient(request) {
  if (!request.signal.aborted) await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
  console.error("it was cancelled");
  return "too late";
}

async function* endless() {
  for (;;) {
    // A turn of the loop for each: what comes in meanwhile is seen.
    await sleep(0);
    yield Buffer.alloc(4096);
  }
}

const waiting = [];

/** Answered when four are asked at a time. */
async function together() {
  const others = new Promise((resolve) => waiting.push(resolve));
  if (waiting.length === 4) for (const resolve of waiting.splice(0)) resolve("together");
  return others;
}

async function busy(request) {
  console.error("busy");
  await sleep(1000 * Number(request.query.get("s")));
  return "done";
}

const HANDLERS = {
  "/echo": echo,
  "/fail": () => {
    throw new Error("division by zero");
  },
  "/pieces": (request) => new Answer(pieces(request)),
  "/patient": patient,
  "/endless": endless,
  "/busy": busy,
  "/together": together,
  "/large": (request) => Buffer.alloc(Number(request.query.get("bytes"))),
  "/status": (request) => new Response("so be it", { status: Number(request.query.get("code")) }),
  "/header": (request) => new Answer("", { headers: { [request.query.get("name")]: request.query.get("value") } }),
  "/json": async (request) => ({ params: request.params, id: request.requestId, sent: await request.json() }),
  "/nothing": () => undefined,
  "/pid": () => `${process.pid}`,
};

serve((request) => HANDLERS[request.path](request), {
  concurrency: Number(process.env.CONCURRENCY ?? 1),
  bodyMax: Number(process.env.BODY_MAX ?? 16777216),
});
