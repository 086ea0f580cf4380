/**
 * Where `pilotlight jobs` finds them: at the running server, or in the data
 * folder when none runs or the folder was named. Both answer the same questions.
 */
import { resolve } from "node:path";
import type { Result } from "../base/result.ts";
import { fail, ok } from "../base/result.ts";
import { type Flag, HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { JobDesk } from "../serve/jobs/job-desk.ts";
import { JOB_ROUTES } from "../serve/jobs/job-routes.ts";
import { ADMIN_FLAG, ask } from "./admin-client.ts";
import type { Call } from "./command.ts";
import { EXIT_FAILED, EXIT_MISUSE } from "./command.ts";
import { FILE_FLAGS, readSource } from "./source-flags.ts";

const WHICH = "Which";

export const STATE_FLAG: Flag = { name: "state", value: "STATE", group: WHICH, help: "queued, running, done or dead" };
export const FUNCTION_FLAG: Flag = { name: "function", value: "ID", group: WHICH, help: "calls of this function" };
export const TOPIC_FLAG: Flag = { name: "topic", value: "NAME", group: WHICH, help: "messages to this topic" };
export const DEAD_FLAG: Flag = { name: "dead", group: WHICH, help: "every dead one" };
export const SOURCE_FLAGS: readonly Flag[] = [ADMIN_FLAG, ...FILE_FLAGS, JSON_FLAG, HELP_FLAG];

/** The server's answer to `method path?query`, or the folder's. */
export async function askJobs(call: Call, method: "GET" | "POST", path: string, query: URLSearchParams): Promise<Result<unknown>> {
  if (call.flag("data-dir") === undefined) {
    const answer = await ask(call, `${path}?${query}`, { method });
    if (answer.ok) return ok(await answer.value.json());
    const isAway = answer.failure.code === "ADMIN_UNREACHABLE" || answer.failure.code === "ADMIN_OFF";
    // Somebody named the server: another place would surprise them.
    if (!isAway || call.flag("admin") !== undefined) return answer;
  }
  const dataDir = await dataFolder(call);
  if (dataDir === null)
    return fail({ code: "JOBS_NOWHERE", message: "No server answers, and no data folder was found", hint: "Give --admin or --data-dir" });
  const desk = new JobDesk(dataDir);
  try {
    return await JOB_ROUTES[path]!(desk)[method]!(query);
  } finally {
    await desk.close();
  }
}

/** Misuse is what the words typed can mend. */
export function exitStatusOf(code: string): number {
  return ["CONFIG_BAD_VALUE", "ADMIN_QUERY", "JOBS_NOWHERE"].includes(code) ? EXIT_MISUSE : EXIT_FAILED;
}

/** Null when something was wrong; it has been printed then. */
async function dataFolder(call: Call): Promise<string | null> {
  const named = call.flag("data-dir") ?? call.io.env["PILOTLIGHT_DATA_DIR"];
  if (named !== undefined) return resolve(call.io.cwd, named);
  return (await readSource("jobs", call, []))?.dataDir ?? null;
}
