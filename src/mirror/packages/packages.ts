/**
 * Packages: the folder whose wheels and sdists form the first index. What lies
 * there is served from there, and its names belong to it: no other index is
 * asked for them.
 */
import type { ProjectPage } from "../simple/project-page.ts";

export interface Packages {
  /** Changes whenever the folder's content does: pages made before it are out of date. */
  readonly revision: number;
  /** Normalised names of projects, those that a file in the folder names. */
  names(): readonly string[];
  owns(project: string): boolean;
  /** Its files have `url` as folder-url.ts makes it. Null when no file names the project. */
  page(project: string): Promise<ProjectPage | null>;
  close(): void;
}
