/** The functions of the engine contract suite, as a process function in Node; HANDLER names the one it is. */
import { setTimeout as sleep } from "node:timers/promises";
import { Answer, serve } from "../../../guest/process/pilotlight.mjs";

let count = 0;
const hoarded = [];

const HANDLERS = {
  echo: (request) =>
    new Answer(request.body, {
      headers: { "x-method": request.method, "x-target": request.target, "x-echo": request.headers.get("x-probe") ?? "" },
    }),
  count: () => `${++count}`,
  throw: () => {
    throw new TypeError("the handler gave up");
  },
  spin: () => {
    for (;;);
  },
  hoard: () => {
    for (;;) hoarded.push(Buffer.alloc(1 << 20, 1));
  },
  wait: async (request) => {
    await sleep(Number(request.target.slice(1)));
    return "waited";
  },
  status: (request) => new Answer("", { status: Number(request.target.slice(1)) }),
};

serve(HANDLERS[process.env.HANDLER], { concurrency: 8 });
