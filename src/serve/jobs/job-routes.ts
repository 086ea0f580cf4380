/** The admin API's paths for jobs: queries become questions to the desk. */
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import { JOB_STATES, type JobState } from "../../store/job.ts";
import type { JobDesk, JobQuery } from "./job-desk.ts";

type Answer = (query: URLSearchParams) => Promise<Result<unknown>>;

const LIST_MAX_COUNT = 1_000;

export const JOB_ROUTES: Readonly<Record<string, (desk: JobDesk) => Readonly<Record<string, Answer>>>> = {
  "/v1/jobs": (desk) => ({
    async GET(query) {
      const wanted = readJobQuery(query);
      if (!wanted.ok) return wanted;
      const listed = await desk.list(wanted.value);
      return listed.ok ? ok({ jobs: listed.value }) : listed;
    },
  }),
  "/v1/jobs/show": (desk) => ({ GET: async (query) => desk.show(query.get("id") ?? "") }),
  "/v1/jobs/replay": (desk) => ({
    POST: (query) =>
      change(
        query,
        (id) => desk.replay(id),
        (wanted) => desk.replayDead(wanted),
      ),
  }),
  "/v1/jobs/drop": (desk) => ({
    POST: (query) =>
      change(
        query,
        (id) => desk.drop(id),
        (wanted) => desk.dropDead(wanted),
      ),
  }),
};

async function change(
  query: URLSearchParams,
  one: (id: string) => Promise<Result<void>>,
  dead: (wanted: JobQuery) => Promise<Result<number>>,
): Promise<Result<unknown>> {
  const id = query.get("id");
  if (id !== null) {
    const changed = await one(id);
    return changed.ok ? ok({ jobs: 1 }) : changed;
  }
  if (query.get("dead") !== "1") return fail(bad("give id=ID, or dead=1 for every dead one"));
  const wanted = readJobQuery(query);
  if (!wanted.ok) return wanted;
  const changed = await dead(wanted.value);
  return changed.ok ? ok({ jobs: changed.value }) : changed;
}

/** What is asked for, or what is wrong with it. */
export function readJobQuery(query: URLSearchParams): Result<JobQuery> {
  const state = query.get("state");
  const limit = Number(query.get("limit") ?? LIST_MAX_COUNT);
  if (state !== null && !JOB_STATES.includes(state as JobState)) return fail(bad(`state must be one of ${JOB_STATES.join(", ")}`));
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= LIST_MAX_COUNT)) return fail(bad(`limit must be from 1 to ${LIST_MAX_COUNT}`));
  const texts = ["function", "topic", "before"].flatMap((name) => (query.has(name) ? [[name, query.get(name)]] : []));
  return ok({ limit, ...(state === null ? {} : { state: state as JobState }), ...Object.fromEntries(texts) });
}

function bad(message: string): Failure {
  return { code: "ADMIN_QUERY", message };
}
