/** `pilotlight jobs show`: one job, with what it was asked and what it answered. */
import { describeBytes } from "../base/units.ts";
import type { JobDetail } from "../serve/jobs/job-desk.ts";
import { type Call, type Command, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";
import { whoseOf } from "./jobs-list.ts";
import { askJobs, exitStatusOf, SOURCE_FLAGS } from "./jobs-source.ts";
import { printable } from "./printable.ts";

export const jobsShow: Command = {
  name: "jobs show",
  usage: "ID [flags]",
  about: "Shows one job: its request, the last error, its answer. Bodies in part; headers that hold secrets are hidden.",
  flags: SOURCE_FLAGS,
  positionalMaxCount: 1,
  examples: [["pilotlight jobs show 3f6c…", "the whole story of one job"]],
  run,
};

async function run(call: Call): Promise<number> {
  const [id] = call.flags.positionals;
  if (id === undefined || id === "") {
    printFailures("jobs show", [{ code: "JOBS_USAGE", message: "No job is named", hint: "Write pilotlight jobs show ID" }], call.io);
    return EXIT_MISUSE;
  }
  const found = await askJobs(call, "GET", "/v1/jobs/show", new URLSearchParams({ id }));
  if (!found.ok) {
    printFailures("jobs show", [found.failure], call.io);
    return exitStatusOf(found.failure.code);
  }
  const job = found.value as JobDetail;
  call.io.stdout.write(call.flag("json") ? `${JSON.stringify(job, null, 2)}\n` : `${printable(describe(job))}\n`);
  return EXIT_OK;
}

function describe(job: JobDetail): string {
  const { request, payload, result } = job;
  return [
    `Job ${job.id}, ${job.state}, for ${whoseOf(job)}`,
    `Attempts ${job.attempts} of ${job.attemptsMax}, created ${job.createdAt}${job.finishedAt === null ? `, due ${job.dueAt}` : `, ended ${job.finishedAt}`}`,
    ...(job.error === null ? [] : [`Last error: ${job.error}`]),
    ...(request === null ? [] : ["", `${request.method} ${request.target}`, request.headers.trimEnd().replaceAll("\r", "")]),
    "",
    bodyText("Body", payload),
    ...(result === null
      ? []
      : ["", `Answered ${result.status}`, result.headerLines.trimEnd().replaceAll("\r", ""), "", bodyText("Body", result)]),
  ].join("\n");
}

function bodyText(name: string, { bytes, text }: { readonly bytes: number; readonly text: string | null }): string {
  if (bytes === 0) return `${name}: none`;
  return `${name}, ${describeBytes(bytes)}${text === null ? ", no text" : `:\n${text}`}`;
}
