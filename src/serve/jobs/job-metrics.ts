/** Jobs in the Prometheus text format: what the table holds, and what this server's workers did. */

import type { JobCounts } from "../../store/job.ts";
import { exposition } from "../../telemetry/prometheus.ts";
import { functionOfCall, topicOf } from "./job-queues.ts";

export function renderJobMetrics(counts: JobCounts, attempts: Readonly<Record<"done" | "retried" | "dead", number>>): string {
  const text = exposition();
  const jobs = "pilotlight_jobs";
  text.family(
    jobs,
    "gauge",
    "Jobs in the table, by the function or topic they are for and by state; done ones for as long as they are kept.",
  );
  for (const { queue, state, count } of counts) {
    text.sample(jobs, { function: functionOfCall(queue) ?? "", topic: topicOf(queue) ?? "", state }, count);
  }
  const ended = "pilotlight_job_attempts_total";
  text.family(ended, "counter", "Attempts at jobs that ended, by what became of the job: done, retried (queued again) or dead.");
  for (const [outcome, count] of Object.entries(attempts)) text.sample(ended, { outcome }, count);
  return text.toString();
}
