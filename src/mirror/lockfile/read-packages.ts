/**
 * Packages of a lock file in TOML: an array of tables that each have a name,
 * within the bounds of all lock files. What else a table says, its format's
 * own reader knows.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { LOCKED_FILES_MAX, projectName, REQUIREMENTS_MAX, type Requirement } from "./lock-file.ts";
import { asTables, asText, type Table } from "./toml-values.ts";

export function readPackages(
  packages: unknown,
  readPackage: (project: string, table: Table) => Requirement,
): Result<readonly Requirement[], string> {
  const tables = asTables(packages);
  if (tables.length > REQUIREMENTS_MAX) return fail(`it has more than ${REQUIREMENTS_MAX} packages`);
  const requirements: Requirement[] = [];
  let fileCount = 0;
  for (const [place, table] of tables.entries()) {
    const project = projectName(asText(table["name"]) ?? "");
    if (project === null) return fail(`package ${place + 1} has no name, or one that no project can have`);
    const requirement = readPackage(project, table);
    fileCount += requirement.files.length;
    if (fileCount > LOCKED_FILES_MAX) return fail(`it lists more than ${LOCKED_FILES_MAX} files`);
    requirements.push(requirement);
  }
  return ok(requirements);
}
