/**
 * A supervisor over fake workers as a process of its own, for tests that kill
 * it: prints its port and its workers' pids as JSON once it serves.
 */
import { stopOnSignal } from "../../src/serve/signals.ts";
import { createFleet, spec } from "./fake-fleet.ts";

const { supervisor } = createFleet([spec("hello")], { workerCount: 2 });
const ended = stopOnSignal(supervisor);
const started = await supervisor.start();
const pids = supervisor.slots.map((slot) => slot.worker?.pid);
console.log(JSON.stringify({ port: started.ok ? started.value.port : null, pids }));
await ended;
