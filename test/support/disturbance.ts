/**
 * How much others disturb this machine while a test asserts on times: the
 * processor time that they take, and how late a bystander is woken, a process
 * that does nothing else. Neither is caused by the test's own work: an event
 * loop of the test's would be late for what the test itself does on it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";

export interface Disturbance {
  readonly lateMaxMs: number;
  /** Processors that others kept busy, on average; 0 where the system doesn't tell. */
  readonly othersCpus: number;
}

const BYSTANDER = `import { monitorEventLoopDelay } from "node:perf_hooks";
const lateness = monitorEventLoopDelay({ resolution: 1 });
process.stdin.once("end", () => {
  console.log(lateness.max / 1e6);
  process.exit();
}).resume();
// What the start of the process itself holds up is over by then.
setTimeout(() => {
  lateness.enable();
  console.log("watching");
}, 50);`;

/** Call what it returns when whatever the test started has ended. */
export async function watchDisturbance(): Promise<() => Promise<Disturbance>> {
  const bystander = spawn(process.execPath, ["--input-type=module", "--eval", BYSTANDER], { stdio: ["pipe", "pipe", "inherit"] });
  await once(bystander.stdout, "data");
  const startMs = performance.now();
  const before = othersTicks();
  return async () => {
    const told = once(bystander.stdout, "data");
    const gone = once(bystander, "exit");
    bystander.stdin.end();
    const [line] = (await told) as [Buffer];
    await gone;
    const elapsedMs = performance.now() - startMs;
    return { lateMaxMs: Number(line.toString()), othersCpus: ((othersTicks() - before) * TICK_MS) / elapsedMs };
  };
}

/** USER_HZ, in which proc(5) counts: 100 on every Linux that Node runs on. */
const TICK_MS = 10;
const HAS_PROC = existsSync("/proc/stat");

/** Of all processors together, without what this process and the children that it has outlived took. */
function othersTicks(): number {
  if (!HAS_PROC) return 0;
  const [user, nice, system, , , , , stolen] = readFileSync("/proc/stat", "utf8").split("\n")[0]!.split(/\s+/).slice(1).map(Number);
  // After the name, which may hold blanks; utime, stime, cutime and cstime are the 14th to 17th field of all.
  const own = readFileSync("/proc/self/stat", "utf8").split(") ").at(-1)!.split(" ").slice(11, 15).map(Number);
  return user! + nice! + system! + stolen! - own.reduce((sum, ticks) => sum + ticks, 0);
}
