/** `pilotlight jobs replay` and `pilotlight jobs drop`: one by its id, or every dead one. */
import { type Call, type Command, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";
import { askJobs, DEAD_FLAG, exitStatusOf, FUNCTION_FLAG, SOURCE_FLAGS, TOPIC_FLAG } from "./jobs-source.ts";

const FLAGS = [DEAD_FLAG, FUNCTION_FLAG, TOPIC_FLAG, ...SOURCE_FLAGS];

export const jobsReplay: Command = {
  name: "jobs replay",
  usage: "ID|--dead [flags]",
  about: "Queues a dead or done job again, with all its attempts. Its id stays, so its URL answers anew.",
  flags: FLAGS,
  positionalMaxCount: 1,
  examples: [
    ["pilotlight jobs replay 3f6c…", "one job"],
    ["pilotlight jobs replay --dead --function mail", "all that mail gave up"],
  ],
  run: (call) => change(call, "replay", "Queued again"),
};

export const jobsDrop: Command = {
  name: "jobs drop",
  usage: "ID|--dead [flags]",
  about: "Forgets a job that is not running: a dead letter, an old result, a call that shall not happen.",
  flags: FLAGS,
  positionalMaxCount: 1,
  examples: [
    ["pilotlight jobs drop 3f6c…", "one job"],
    ["pilotlight jobs drop --dead --topic mail", "all messages to mail that were given up"],
  ],
  run: (call) => change(call, "drop", "Dropped"),
};

async function change(call: Call, verb: "replay" | "drop", done: string): Promise<number> {
  const { flag, flags, io } = call;
  const [id] = flags.positionals;
  const isDead = flag("dead") !== undefined;
  if ((id !== undefined) === isDead) {
    const message = isDead ? "Both a job and --dead are given" : "No job is named";
    printFailures(
      `jobs ${verb}`,
      [{ code: "JOBS_USAGE", message, hint: `Write pilotlight jobs ${verb} ID, or --dead for every dead one` }],
      io,
    );
    return EXIT_MISUSE;
  }
  const filters = ["function", "topic"].flatMap((name) => (flag(name) === undefined ? [] : [[name, flag(name)!]]));
  const query = new URLSearchParams(id === undefined ? [["dead", "1"], ...filters] : [["id", id]]);
  const changed = await askJobs(call, "POST", `/v1/jobs/${verb}`, query);
  if (!changed.ok) {
    printFailures(`jobs ${verb}`, [changed.failure], io);
    return exitStatusOf(changed.failure.code);
  }
  const { jobs } = changed.value as { jobs: number };
  io.stdout.write(flag("json") ? `${JSON.stringify({ jobs })}\n` : `${done}: ${jobs} ${jobs === 1 ? "job" : "jobs"}\n`);
  return EXIT_OK;
}
