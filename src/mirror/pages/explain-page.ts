/**
 * Explains a page: all its files by version, hidden or not, with the rule that
 * hides each. Pure.
 */
import type { HidingRule } from "../policy/policy.ts";
import { parseDistributionName } from "../simple/distribution-name.ts";
import type { ProjectFile, ProjectPage } from "../simple/project-page.ts";
import type { VersionExplanation } from "./pages.ts";

/** Versions in the order in which their first files are listed; files that tell none come together under "". */
export function explainPage(page: ProjectPage, hidingRuleOf: (file: ProjectFile) => HidingRule | null): VersionExplanation[] {
  const byVersion = Map.groupBy(page.files, ({ filename }) => parseDistributionName(filename, page.name)?.version ?? "");
  return [...byVersion].map(([version, files]) => ({
    version,
    files: files.map((file) => {
      const { filename, uploadTime, yanked } = file;
      return { filename, uploadTime, yanked, hiddenBy: hidingRuleOf(file) };
    }),
  }));
}
