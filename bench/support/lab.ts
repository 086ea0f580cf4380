/**
 * The lab as the figures use it: servers on one core, load and callers on the
 * other, processes measured by src/lab, everything ended whatever fails.
 */

import type { Result } from "../../src/base/result.ts";
import { type Pinning, pinCores } from "../../src/lab/ab/cores.ts";
import { CpuAccount } from "../../src/lab/ab/cpu-account.ts";
import { measureProcess } from "../../src/lab/ab/measure.ts";
import type { ProcessSample } from "../../src/lab/ab/plan.ts";
import { type Answer, ask } from "../../src/lab/ab/probe.ts";
import { membersOf, memoryOf } from "../../src/lab/ab/processes.ts";
import { startServer } from "../../src/lab/ab/server.ts";
import { makePlan } from "../../src/lab/load/make-plan.ts";
import type { LoadPlan } from "../../src/lab/load/plan.ts";
import { runLoad } from "../../src/lab/load/run-load.ts";
import { type Effort, scaled } from "./figure.ts";

export interface Subject {
  readonly name: string;
  /** Program and arguments that serve on 127.0.0.1:port. */
  command(port: number): readonly string[];
  readonly path: string;
  /** What a right answer's body contains; not looked for when absent. */
  readonly expect?: string;
  /** The very bytes of a right answer's body. */
  readonly answer?: Uint8Array;
  /** Of a right answer; 200 when absent. */
  readonly status?: number;
  /** In place of the usual ones. */
  readonly headers?: readonly string[];
  /** JSON that is posted; GET without. */
  readonly data?: string;
  /** That share the requests, each with hot code of its own to compile: they need as many times the warm-up. */
  readonly processCount?: number;
}

export interface RunningServer {
  readonly port: number;
  readonly bootMs: number;
  /** All of its PSS, for ceilings and differences of one server; what servers are compared by is `ownPssBytes` of a sample. */
  memoryBytes(): number;
  cpuUs(): number;
  get(path: string): Promise<Answer>;
  stop(): Promise<void>;
}

export interface Lab {
  readonly pinning: Pinning;
  /** A fresh process, warmed and loaded. */
  measure(subject: Subject, effort: Effort, users?: number): Promise<ProcessSample>;
  start(subject: Subject): Promise<RunningServer>;
  close(): void;
}

const USERS = 50;
const START_TIMEOUT_MS = 30_000;
const CALL_TIMEOUT_MS = 30_000;
/** Three, with the generator's own host and connection five. */
const HEADERS = ["user-agent: Mozilla/5.0 (X11; Linux x86_64)", "accept: application/json", "accept-encoding: gzip, br"];

/** What V8 compiles last saves the last twentieth: it looks warm before. */
const WARM_UP_MIN_SHARE = 0.7;

export function openLab(): Lab {
  const pinning = pinCores();
  return {
    pinning,
    measure: async (subject, effort, users = scaled(USERS, effort)) => {
      const { seconds, warmUpSeconds } = effort;
      const measuring = {
        load: planFor(subject, users),
        measuredMs: seconds * 1_000,
        warmUpMaxMs: warmUpSeconds * 1_000,
        warmUpMinMs: warmUpSeconds * WARM_UP_MIN_SHARE * 1_000,
        startTimeoutMs: START_TIMEOUT_MS,
      };
      return unwrap(await measureProcess(labelled(subject), measuring, { runLoad, pinning }));
    },
    start: async (subject) => {
      const { group, load, bootMs } = unwrap(
        await startServer(labelled(subject), planFor(subject, 1), { pinning, timeoutMs: START_TIMEOUT_MS }),
      );
      const cpu = CpuAccount.of(group);
      return {
        port: load.target.port,
        bootMs,
        memoryBytes: () => {
          const { ownPssBytes, filePssBytes } = memoryOf(membersOf(group));
          return ownPssBytes === null || filePssBytes === null ? Number.NaN : ownPssBytes + filePssBytes;
        },
        cpuUs: () => cpu.readUs(),
        get: async (path) => {
          const answer = await ask({ ...load, target: { ...load.target, path } }, CALL_TIMEOUT_MS);
          if (typeof answer === "string") throw new Error(`${subject.name}, ${path}: ${answer}`);
          return answer;
        },
        stop: async () => {
          if (!(await group.stop())) throw new Error(`${subject.name} left processes behind`);
        },
      };
    },
    close: () => pinning.release(),
  };
}

export function planFor(subject: Omit<Subject, "name" | "command">, users: number): LoadPlan {
  const { path, expect, answer, data, status = 200, headers = HEADERS } = subject;
  const made = makePlan({
    url: `http://127.0.0.1:1${path}`,
    connections: String(users),
    headers: data === undefined ? headers : [...headers, "content-type: application/json"],
    ...(data === undefined ? {} : { data: Buffer.from(data) }),
    "check-status": [String(status)],
    ...(expect !== undefined && { "check-body": [expect] }),
  });
  if (!made.ok) throw new Error(made.failure.map(({ message }) => message).join("; "));
  return answer === undefined ? made.value : { ...made.value, checks: { ...made.value.checks, bodyIs: answer } };
}

function labelled({ name, command }: Subject) {
  return { label: name, command };
}

function unwrap<Value>(result: Result<Value>): Value {
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}
