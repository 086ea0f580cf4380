/**
 * A process that does nothing but see how late it is woken: how late the
 * machine makes everybody. In a process of its own, because an event loop of
 * the test's would be late for what the test itself does on it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Bystander {
  /** Ends it: by how much it was late at most, in milliseconds. */
  stop(): Promise<number>;
}

const PROGRAM = `import { monitorEventLoopDelay } from "node:perf_hooks";
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

export async function startBystander(): Promise<Bystander> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return {
    async stop() {
      const told = once(child.stdout, "data");
      child.stdin.end();
      const [line] = (await told) as [Buffer];
      return Number(line.toString());
    },
  };
}
