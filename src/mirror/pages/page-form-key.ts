/**
 * Page form key: names everything that a form of a page is made of: what is
 * kept of it, the policy, and the version of this program, which renders.
 * Pure, but for the version.
 */
import { version } from "../../base/version.ts";
import type { PolicyConfig } from "../../config/mirror-config.ts";
import { contentHashOf } from "./kept-answer.ts";

/** What is the same for all pages of a mirror. Most have no policy: their start is spared the hash. */
export function recipeOf(policy: PolicyConfig): string {
  const hidesNothing = policy.rules.length === 0 && policy.cooldownMs === 0;
  return hidesNothing ? version() : `${version()} ${contentHashOf(JSON.stringify(policy))}`;
}

export function pageFormKey(page: { readonly url: string; readonly contentHash: string }, recipe: string): string {
  return `${page.url} ${page.contentHash} ${recipe}`;
}
