/** `pilotlight jobs list`: the newest first. */
import { table } from "../base/table.ts";
import type { JobReport } from "../serve/jobs/job-desk.ts";
import { readJobQuery } from "../serve/jobs/job-routes.ts";
import { type Call, type Command, EXIT_OK, printFailures } from "./command.ts";
import { askJobs, exitStatusOf, FUNCTION_FLAG, SOURCE_FLAGS, STATE_FLAG, TOPIC_FLAG } from "./jobs-source.ts";
import { printable } from "./printable.ts";

const ERROR_MAX_LENGTH = 80;

export const jobsList: Command = {
  name: "jobs list",
  usage: "[flags]",
  about: "Lists jobs, the newest first: whose they are, how far they are, and why they failed last.",
  flags: [
    STATE_FLAG,
    FUNCTION_FLAG,
    TOPIC_FLAG,
    { name: "limit", value: "N", group: "Which", help: "at most so many, 1000 at the most", shown: "1000" },
    { name: "before", value: "ID", group: "Which", help: "older than this one: the next page" },
    ...SOURCE_FLAGS,
  ],
  positionalMaxCount: 0,
  examples: [
    ["pilotlight jobs list --state dead", "what was given up"],
    ["pilotlight jobs list --json | jq -r '.jobs[].id'", "the ids alone"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const names = ["state", "function", "topic", "limit", "before"];
  const query = new URLSearchParams(names.flatMap((name) => (call.flag(name) === undefined ? [] : [[name, call.flag(name)!]])));
  const wanted = readJobQuery(query);
  const listed = wanted.ok ? await askJobs(call, "GET", "/v1/jobs", query) : wanted;
  if (!listed.ok) {
    printFailures("jobs list", [listed.failure], call.io);
    return exitStatusOf(listed.failure.code);
  }
  const { jobs } = listed.value as { jobs: readonly JobReport[] };
  call.io.stdout.write(`${call.flag("json") ? JSON.stringify({ jobs }, null, 2) : printable(report(jobs))}\n`);
  return EXIT_OK;
}

function report(jobs: readonly JobReport[]): string {
  if (jobs.length === 0) return "No jobs.";
  const columns = ["JOB", "STATE", "FOR", "ATTEMPTS", "CREATED", "LAST ERROR"].map((title) => ({ title }));
  const rows = jobs.map((job) => [
    job.id,
    job.state,
    whoseOf(job),
    `${job.attempts}/${job.attemptsMax}`,
    job.createdAt.slice(0, 19).replace("T", " "),
    (job.error ?? "").replace(/\s+/g, " ").slice(0, ERROR_MAX_LENGTH),
  ]);
  return table(columns, rows);
}

export function whoseOf({ function: functionId, topic }: JobReport): string {
  return functionId ?? `topic ${topic}`;
}
