/** Where an artifact comes from, as failures name it: links of an index may carry tokens in their query. */
import type { Artifact } from "../artifact.ts";
import { showUrl } from "../upstream/redirects.ts";

export function shownSource({ source, filename }: Artifact): string {
  return source.kind === "index" ? showUrl(source.url) : filename;
}
