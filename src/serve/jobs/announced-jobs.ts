/** Announced jobs: a job store whose every new job is heard of, so that it need not wait for somebody to look. */
import type { JobStore } from "../../store/job-store.ts";

export function announcedJobs(jobs: JobStore, attemptsMax: number, onQueued: () => void): JobStore {
  return {
    ...jobs,
    async enqueue(job) {
      const added = await jobs.enqueue({ attemptsMax, ...job });
      if (added.ok) onQueued();
      return added;
    },
  };
}
